"""The short way and the careful way of the sender agree, ids are the contract's, and the spool keeps order."""

import csv
import tempfile
from collections import Counter
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.dialect import Dialect
from services.sender.fast_rows import FastRowEncoder
from services.sender.ids import MessageMaker, repeats
from services.sender.report import BadRow, Repair
from services.sender.rows import OWN_ID, RowEncoder
from services.sender.spool import Spool
from tests.support.other_contracts import SHIPPED

FIELDS = tuple(SHIPPED.fields)
DIALECT = Dialect(",", 17, {field: place for place, field in enumerate(FIELDS)}, 2, (), (), {})
ROW = next(
    csv.reader(
        [
            "2019-09-14 02:46,fraud_Stokes,grocery_net,25.79,Ada,Example,F,1 Test Lane,Nowhere,TX,76443,32.1482,"
            "-99.1872,1897,Engineer,31.772057,-99.103183"
        ]
    )
)
PARTLY_CLEAN = st.sampled_from(
    ["25", "-0", "-0.0", "1e3", "1E-7", "007", ".5", "5.", "+1", "1_0", "nan", "true", "null", "[1", "2]", "1,2", " 3",
     "", " ", "x ", " x", 'a"b', "a\\b", "\x1f", "Ы", "2019-02-29 00:00", "2020-02-29 23:59", "2019-W37-6 02:46",
     "9" * 17, "99999999999999999999", "1e400", "123456789.123456789123456789", "\t1", "1\n"]
)  # fmt: skip


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the sender's temporary files within the test's folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


CELLS = st.fixed_dictionaries({}, optional={place: PARTLY_CLEAN | st.text(max_size=5) for place in range(17)})


@given(changes=st.lists(CELLS, min_size=1, max_size=3))
def test_the_short_way_gives_what_the_careful_way_gives(changes: list[dict[int, str]]) -> None:
    """Rows that pass as clean have the same times, keys and bytes as if looked at cell by cell, and no repairs."""
    rows = [[cells.get(place, cell) for place, cell in enumerate(ROW)] for cells in changes]
    transactions = FastRowEncoder(SHIPPED, DIALECT).encode(rows, range(len(rows)))
    if transactions is not None:
        repaired: Counter[Repair] = Counter()
        encoder = RowEncoder(SHIPPED, DIALECT, repaired)
        assert transactions == [encoder.encode(row) for row in rows]
        assert not repaired


@given(
    texts=st.lists(
        st.text(alphabet='a",\\\n \x1fЫ', min_size=1, max_size=8).filter(lambda t: t == t.strip()), min_size=1
    )
)
def test_texts_are_written_as_in_json_whatever_they_hold(texts: list[str]) -> None:
    """Quotes, commas and line breaks within texts do not look like the places between them."""
    rows = [[*ROW[:1], text, *ROW[2:]] for text in texts]
    payments = FastRowEncoder(SHIPPED, DIALECT).encode(rows, range(len(rows)))
    assert payments is not None
    assert [orjson.loads(value)["data"]["merch"] for _, _, value, _ in payments] == texts
    assert [orjson.dumps(orjson.loads(value)) for _, _, value, _ in payments] == [value for _, _, value, _ in payments]


def test_a_clean_row_takes_the_short_way() -> None:
    """An ordinary row is encoded there, alone and among others."""
    assert FastRowEncoder(SHIPPED, DIALECT).encode([ROW], [2]) is not None
    assert len(FastRowEncoder(SHIPPED, DIALECT).encode([ROW] * 5, range(2, 7)) or ()) == 5


def test_one_row_that_is_not_clean_turns_all_away() -> None:
    """Nothing is encoded in part: the caller finds the row by halving."""
    clean_rows = FastRowEncoder(SHIPPED, DIALECT)
    assert clean_rows.encode([ROW, [*ROW[:16], ""], ROW], [2, 3, 4]) is None
    assert clean_rows.encode([ROW, ROW[:16], ROW], [2, 3, 4]) is None
    assert clean_rows.encode([ROW, [], ROW], [2, 3, 4]) is None


def test_a_refused_row_names_its_field() -> None:
    """The refusal of a cell says which one."""
    with pytest.raises(BadRow) as bad:
        RowEncoder(SHIPPED, DIALECT, Counter()).encode([*ROW[:3], "much", *ROW[4:]])
    assert bad.value.field == "amount"


ID = st.integers(0, 3).map(lambda number: number.to_bytes(16, "big"))


@given(st.lists(ID, max_size=30))
def test_equal_rows_are_numbered_in_the_files_order(ids: list[bytes]) -> None:
    """From the second on; rows with ids of their own (zeros) are not."""
    expected = {place: ids[:place].count(octets) for place, octets in enumerate(ids) if any(octets)}
    assert repeats(b"".join(ids)) == {place: number for place, number in expected.items() if number}


@given(seconds=st.lists(st.integers(0, 5), max_size=50), cut=st.integers(0, 50))
def test_the_spool_gives_transactions_by_time_and_ties_in_order(seconds: list[int], cut: int) -> None:
    """What went in in parts comes out sorted by time, stably, as often as asked, keys and values intact."""
    transactions = [
        (second, b"k%d" % place if place % 3 else None, b"v" * place, OWN_ID) for place, second in enumerate(seconds)
    ]
    with Spool() as spool:
        spool.extend(transactions[:cut])
        spool.extend(transactions[cut:])
        expected = [(key, value) for _, key, value, _ in sorted(transactions, key=lambda transaction: transaction[0])]
        assert len(spool) == len(seconds)
        assert list(spool.in_time_order(MessageMaker(SHIPPED))) == expected
        assert list(spool.in_time_order(MessageMaker(SHIPPED))) == expected
