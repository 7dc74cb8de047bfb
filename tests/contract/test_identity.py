"""A transaction is its content: whatever file it stands in, it has one id; two equal ones in one file stay two."""

import random
import tempfile
from pathlib import Path

import orjson
import pytest

from services.common.contract.model import Contract, FieldSpec
from services.sender.csvfile import prepare
from services.sender.report import FileFault, FileRefused
from tests.support.other_contracts import SHIPPED

FIELDS = tuple(SHIPPED.fields)
HEADER = ",".join(FIELDS)
ROWS = [
    f"2020-06-0{day} 22:{minute},fraud_Alder and Sons,grocery_pos,{amount},Xena,Trio,F,1 Trio Road,Northby,TX,75001,"
    f"32.9,-97.1,2680,Glazier,32.622497,-96.479268"
    for day, minute, amount in [(1, 10, "250.0"), (1, 40, "12.5"), (2, 30, "95.0"), (2, 35, "245.0")]
]


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the sender's temporary files within the test's folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def ids_of(folder: Path, lines: list[str], contract: Contract = SHIPPED) -> list[str]:
    path = folder / "prepared.csv"
    path.write_text("\n".join([*lines, ""]))
    with prepare(path, contract=contract) as prepared:
        return [orjson.loads(value)["transaction_id"] for _, value in prepared]


def knowing(*categories: str) -> Contract:
    """Return the shipped contract with other categories."""
    category = FieldSpec(type="text", required=True, values=categories)
    return SHIPPED.model_copy(update={"fields": SHIPPED.fields | {"cat_id": category}})


def test_a_longer_file_adds_only_what_is_new(tmp_path: Path) -> None:
    """Four exports, a row longer each time: four transactions."""
    exports = [ids_of(tmp_path, [HEADER, *ROWS[:rows]]) for rows in (1, 2, 3, 4)]
    assert [export[: len(exports[place - 1])] for place, export in enumerate(exports)][1:] == exports[:-1]
    assert len(set().union(*exports)) == 4


def test_a_shuffled_and_a_mended_file_add_only_what_is_new(tmp_path: Path) -> None:
    """Order, line ends and refused rows make no other transaction."""
    whole, shuffled = ids_of(tmp_path, [HEADER, *ROWS]), ROWS.copy()
    random.Random(1).shuffle(shuffled)
    assert ids_of(tmp_path, [HEADER, *shuffled]) == whole
    broken = [ROWS[0], ROWS[1].replace("12.5", "much"), *ROWS[2:]]
    assert set(ids_of(tmp_path, [HEADER, *broken])) == {whole[0], *whole[2:]}


SPELLINGS = {
    "semicolons and decimal commas": [line.replace(",", ";").replace(".", ",") for line in (HEADER, *ROWS)],
    "columns that are not sent": [f"{HEADER},note", *[f"{row},n{place}" for place, row in enumerate(ROWS)]],
    "other times": [HEADER, *[row.replace(" 22:", "T22:", 1).replace(",", ":00Z,", 1) for row in ROWS]],
    "another category": [HEADER, *[row.replace("grocery_pos", "Grocery Pos") for row in ROWS]],
    "whole numbers and spaces": [HEADER, *[row.replace("250.0", " 250 ").replace("2680", "2680.0") for row in ROWS]],
}


def test_an_id_is_the_one_it_has_always_been(tmp_path: Path) -> None:
    """What was sent before an update is no other payment after it: known, unknown and repeated ones."""
    lines = [
        HEADER,
        ROWS[0].replace("grocery_pos", "Grocery Pos"),
        *[ROWS[0].replace("grocery_pos", "books").replace(",F,1 Trio Road", ',,"1 Trio ""Road"""')] * 2,
    ]
    assert ids_of(tmp_path, lines) == [
        "4df5e45c-c618-5eb7-8813-1107f46ae108",
        "1f61e09c-096d-5967-8638-ccf5d809ec2b",
        "e1c697c7-2032-56c2-a842-80422cdeb7e7",
    ]


@pytest.mark.parametrize("lines", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_spellings_make_no_other_payment(tmp_path: Path, lines: list[str]) -> None:
    """Nor does a model that does not know the category yet."""
    assert ids_of(tmp_path, lines) == ids_of(tmp_path, [HEADER, *ROWS])
    assert ids_of(tmp_path, lines, knowing("home")) == ids_of(tmp_path, [HEADER, *ROWS])


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_tells_transactions_apart(tmp_path: Path, field: str) -> None:
    """Another value in any of them is another transaction."""
    other = {"transaction_time": "2020-06-01 22:11", "cat_id": "grocery_net", "gender": "M", "post_code": "75002",
             "population_city": "2681"}.get(field, "8.5" if field in {"amount", "lat", "lon"} or "merchant_" in field else "Y")  # noqa: E501  # fmt: skip
    cells = ROWS[0].split(",")
    cells[FIELDS.index(field)] = other
    assert ids_of(tmp_path, [HEADER, ",".join(cells)]) != ids_of(tmp_path, [HEADER, ROWS[0]])


def test_equal_rows_of_one_file_stay_as_many(tmp_path: Path) -> None:
    """The first, the second and the third, whether among clean rows or others, in one file and in a longer one."""
    two = ids_of(tmp_path, [HEADER, ROWS[0], ROWS[1], ROWS[0]])
    assert len(set(two)) == 3
    three = ids_of(tmp_path, [HEADER, ROWS[0], "x", ROWS[0].replace("250.0", "250"), ROWS[0], *ROWS[1:]])
    assert len(set(three)) == 6
    assert set(two) < set(three)


SCORES = "transaction_id{0}transaction_time{0}amount{0}cat_id{0}merch{0}us_state{0}score{0}fraud_flag"


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_file_of_scores_is_no_file_of_transactions(tmp_path: Path, separator: str) -> None:
    """It would take customer and place from what is stored."""
    row = separator.join(["a", "2020-03-10 22:00", "250", "grocery_pos", "x", "TX", "0", "1"])
    with pytest.raises(FileRefused, match="scores") as refused:
        ids_of(tmp_path, ["\ufeff" + SCORES.format(separator), row])
    assert refused.value.code == FileFault.SCORES


def test_scores_beside_whole_transactions_are_columns_like_others(tmp_path: Path) -> None:
    """They are not sent."""
    assert ids_of(tmp_path, [f"{HEADER},score,fraud_flag", f"{ROWS[0]},0.5,0"]) == ids_of(tmp_path, [HEADER, ROWS[0]])
