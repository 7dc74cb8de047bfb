"""Bad CSV files: each row is sent as written, or refused by line, field and reason; none is lost, doubled or moved."""

import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.report import FileRefused, Repair, RowFault
from tests.fuzz.file_claims import any_file_adds_up, bad_lines_never_cost_good_ones, rows_arrive_as_written
from tests.fuzz.product import read_file
from tests.fuzz.tables import table
from tests.fuzz.targets import TARGETS
from tests.support.contracts import FIELDS
from tests.support.profiles import fixed

HEADER = ",".join(FIELDS)
ROW = "2019-09-14 02:46,fraud_Stokes,grocery_net,25.79,Ada,Example,F,1 Test Lane,Nowhere,TX,76443,32.1482,-99.1872,1897,Engineer,31.772057,-99.103183"  # noqa: E501

PIECES = st.sampled_from(
    ['"', '""', ",", ";", "\t", "\r", "\n", "\r\n", "\0", "\u2028", "\x1c", "\x85", " ", "\ufeff", "Ы", ROW]
)
LINES = st.lists(PIECES | st.text(max_size=6), max_size=30).map("".join).map(lambda text: text.encode())
MADE = st.integers(0, 2**32).map(lambda seed: TARGETS["files"].make(Random(seed)))


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the sender's temporary files within the test's folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize("seed", range(200))
def test_rows_of_any_dialect_arrive_as_written(seed: int) -> None:
    """Whatever the separator, line end, encoding, quoting, order of columns; good rows and bad ones side by side."""
    rows_arrive_as_written(b"%d" % seed)


@fixed(150)
@given(MADE | LINES | LINES.map(lambda lines: HEADER.encode() + b"\n" + lines) | st.binary(max_size=200))
def test_any_file_is_refused_or_adds_up(content: bytes) -> None:
    """Refused as a whole, or every row of it is sent or refused, and the scorer takes all that is sent."""
    any_file_adds_up(content)


@fixed(150)
@given(MADE | LINES | st.binary(max_size=200))
def test_no_line_costs_a_good_row_above_or_below_it(lines: bytes) -> None:
    """Good rows between lines of anything arrive whole, and each of those lines has one fate."""
    bad_lines_never_cost_good_ones(lines)


def test_made_files_are_bad_in_every_way() -> None:
    """The files reach every reason for a row and nearly every repair."""
    reports = []
    for seed in range(400):
        with suppress(FileRefused):  # of a file of one row that is ambiguous nothing is left
            reports.append(read_file(table(Random(seed)).content)[0])

    assert {refusal.reason for report in reports for refusal in report.refused} == set(RowFault) - {
        RowFault.AMBIGUOUS_NUMBER  # only where nothing in a file decides
    }
    assert {repair for report in reports for repair in report.repaired} == set(Repair)


def rows(*lines: str) -> tuple[list[tuple[int, RowFault]], list[bytes]]:
    report, messages = read_file("".join(f"{line}\n" for line in lines).encode())
    return [(bad.line, bad.reason) for bad in report.refused], [value for _, value in messages]


def test_a_cell_of_several_lines_may_stand_first() -> None:
    """Its second line looks like a row of its own, but for a quote too many."""
    columns = ["merch", *(field for field in FIELDS if field != "merch")]
    cells = ROW.split(",")
    cells.insert(0, cells.pop(1))
    refused, messages = rows(",".join(columns), ",".join(['"two\nlines"', *cells[1:]]), ",".join(cells))

    assert not refused
    assert [b'"merch":"two\\nlines"' in value for value in messages] == [True, False]


def test_a_cell_of_several_lines_may_stand_before_empty_cells() -> None:
    """Empty cells past the header's width cost nothing there either."""
    refused, messages = rows(HEADER, ROW.replace("Engineer", '"two\nlines"') + ",,", ROW)

    assert not refused
    assert len(messages) == 2


@pytest.mark.parametrize("number", ["-0", " 7", "7 ", "0." + "3" * 99, "1" + "0" * 99])
def test_a_number_is_the_same_among_clean_rows_and_among_others(number: str) -> None:
    """Rows are encoded many at a time or one by one, depending on their neighbours; the bytes are the same."""
    odd = ROW.replace("32.1482", number)
    report, clean = read_file(f"{HEADER}\n{odd}\n".encode())
    _, mixed = read_file(f"{HEADER}\n{odd}\n{ROW}\nx\n".encode())

    assert clean[0][1].partition(b'"data"')[2] == mixed[0][1].partition(b'"data"')[2]
    assert report.repaired == ({Repair.SPACES_TRIMMED: 1} if number.endswith(" ") else {})


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_a_file_of_blank_lines_is_given_up_soon(end: bytes) -> None:
    """Nobody waits for a header that does not come."""
    with pytest.raises(FileRefused, match="blank"):
        read_file(end * 2_000_000 + HEADER.encode() + end + ROW.encode() + end)
