"""The sender by another contract: no time, no key, other names of id and payload, limits and known texts."""

import tempfile
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.common.contract.load import to_contract
from services.scorer.decode import Decoder
from services.sender.csvfile import prepare
from services.sender.ids import MessageMaker
from services.sender.report import FileFault, FileRefused, FileReport, Repair, RowFault
from tests.support.other_contracts import LOANS, SHIPPED, TERMINALS

APPLICATIONS = to_contract(
    {
        "format": 1,
        "name": "applications",
        "record": {"id": "application", "payload": "of"},
        "fields": {
            "Loan purpose": {
                "type": "text",
                "required": True,
                "values": ("car", "new home"),
                "spellings": {"car": ("auto",)},
            },
            "term": {"type": "integer", "min": 6, "max": 360},
            "INCOME": {"type": "number", "min": 0},
            "born": "time",
            "score": "number",
            "home": {"type": "text", "required": True, "values": ("rent", "own")},
        },
        "features": {"term": "term"},
    }
)
HEADER = "Loan purpose,term,INCOME,born,score,home"
ROWS = ["new home,120,5000,1990-01-31 00:00,1.5,own", "car,6,0.5,1985-12-01 10:30,0,rent"]


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the sender's temporary files within the test's folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def sent(folder: Path, lines: list[str]) -> tuple[FileReport, list[dict[str, Any]]]:
    path = folder / "applications.csv"
    path.write_text("\n".join([*lines, ""]))
    with prepare(path, contract=APPLICATIONS) as records:
        messages = list(records)
        assert all(key is None for key, _ in messages)
        assert not Decoder(APPLICATIONS, APPLICATIONS.fields).decode([value for _, value in messages], str)[1]
        return records.report, [orjson.loads(value) for _, value in messages]


def test_fields_id_and_payload_have_the_contracts_names(tmp_path: Path) -> None:
    """Without a key and a time the rows stay in the file's order; clean ones and others give the same."""
    report, messages = sent(tmp_path, [HEADER, *ROWS])
    assert [list(message) for message in messages] == [["application", "of"]] * 2
    assert messages[0]["of"] == {
        "Loan purpose": "new home", "term": 120, "INCOME": 5000.0, "born": "1990-01-31 00:00", "score": 1.5,
        "home": "own",
    }  # fmt: skip
    assert not report.repaired
    assert not report.has_ids
    _, one_by_one = sent(tmp_path, [HEADER, *[row.replace(",0.5,", ",+0.5,") for row in ROWS], f"{ROWS[0]} "])
    assert one_by_one[:2] == messages
    assert one_by_one[2]["of"] == messages[0]["of"]
    assert len({message["application"] for message in one_by_one}) == 3


def test_spellings_of_columns_and_values_are_repaired(tmp_path: Path) -> None:
    """And make no other id: case and separators of required texts do not count in it."""
    report, messages = sent(
        tmp_path, ["LOAN-PURPOSE,Term,income,born,score,home", "New_Home,120,5000,1990-01-31 00:00,1.5,OWN"]
    )
    assert report.repaired == {Repair.HEADER_NAMES: 1, Repair.VALUE_SPELLING: 1}
    assert messages == sent(tmp_path, [HEADER, ROWS[0]])[1]
    assert sent(tmp_path, [HEADER, ROWS[1].replace("car", "Auto")])[1] == sent(tmp_path, [HEADER, ROWS[1]])[1]
    unknown = [
        sent(tmp_path, [HEADER, ROWS[1].replace("rent", text)]) for text in ("with parents", "With-Parents", "hotel")
    ]
    ids = [message["application"] for _, (message,) in unknown]
    assert ids[0] == ids[1] != ids[2]
    assert [(value.field, value.value) for value in unknown[0][0].unknown] == [("home", "with parents")]


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ("car,5,1,,,own", RowFault.OUT_OF_RANGE, "term"),
        ("car,361,1,,,own", RowFault.OUT_OF_RANGE, "term"),
        ("car,60,-0.01,,,own", RowFault.OUT_OF_RANGE, "INCOME"),
        ("car,60.5,1,,,own", RowFault.BAD_NUMBER, "term"),
        ("car,60,1,31/12/90,,own", RowFault.AMBIGUOUS_TIME, "born"),
        (",60,1,,,own", RowFault.EMPTY_CELL, "Loan purpose"),
        ("car,60,1,,,NA", RowFault.EMPTY_CELL, "home"),
    ],
)
def test_limits_and_required_fields_are_the_contracts(tmp_path: Path, row: str, reason: RowFault, field: str) -> None:
    """Among clean rows; the others are sent."""
    report, messages = sent(tmp_path, [HEADER, ROWS[0], row, ROWS[1]])
    assert [(bad.line, bad.reason, bad.field) for bad in report.refused] == [(3, reason, field)]
    assert len(messages) == 2


def test_optional_columns_may_be_missing(tmp_path: Path) -> None:
    """Required ones may not."""
    report, (message,) = sent(tmp_path, ["home,Loan purpose,target", "own,car,1"])
    assert report.missing_columns == ("term", "INCOME", "born", "score")
    assert report.repaired[Repair.TARGET_DROPPED] == 1
    assert [field for field, value in message["of"].items() if value] == ["Loan purpose", "home"]
    with pytest.raises(FileRefused, match="Loan purpose") as refused:
        sent(tmp_path, ["home,term", "own,7"])
    assert refused.value.code is FileFault.MISSING_COLUMNS


def test_ids_are_of_the_column_of_that_name(tmp_path: Path) -> None:
    """A column `transaction_id` is one that is not sent."""
    report, (message,) = sent(tmp_path, [f"Application,transaction_id,{HEADER}", f"a-1,b-1,{ROWS[0]}"])
    assert (message["application"], report.has_ids, report.ignored_columns) == ("a-1", True, ("transaction_id",))


def test_a_field_called_score_is_no_score(tmp_path: Path) -> None:
    """Of scores as downloaded there are also flags; the fields that the page shows tell nothing."""
    assert len(sent(tmp_path, [f"{HEADER},fraud_flag", f"{ROWS[0]},1"])[1]) == 1
    path = tmp_path / "scores.csv"
    path.write_text("transaction_id,purpose,score,fraud_flag\na,car,0.5,0\n")
    with pytest.raises(FileRefused) as refused, prepare(path, contract=LOANS):
        pass
    assert refused.value.code is FileFault.SCORES


def test_the_key_is_the_contracts(tmp_path: Path) -> None:
    """And rows come by its event time."""
    path = tmp_path / "terminals.csv"
    path.write_text(
        "tx_datetime,CUSTOMER_ID,TX_AMOUNT\n2020-01-02 00:00,c2,1\n2020-01-01 00:00,c1,2\n2020-01-03 00:00,,3\n"
    )
    with prepare(path, contract=TERMINALS) as records:
        assert [key for key, _ in records] == [b"c1", b"c2", None]


@pytest.mark.parametrize("name", ["plain", 'quote" and \\ slash', '","data":', '","of":', "Ж"])
@pytest.mark.parametrize("contract", [SHIPPED, APPLICATIONS], ids=lambda contract: contract.name)
def test_an_id_is_read_from_its_message(name: str, contract: Any) -> None:
    """Whatever characters it has."""
    messages = MessageMaker(contract)
    assert messages.id_of(messages.with_own_id(name, {contract.record.id: "no"})) == name
