"""The scores of a file as CSV."""

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from services.common.contract.model import Contract
from services.common.settings import project_root
from services.common.spreadsheet import safe_text
from services.sender.csvfile import prepare
from tests.support.other_contracts import LOANS, SHIPPED, TERMINALS
from ui.check.downloads import SAMPLE, SAMPLE_PATH, ExampleFiles
from ui.files.download import ScoresFile, path_of
from ui.files.journal import ScoredRow
from ui.shell.excel import DIALECTS


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "  =", "\u00a0@"])
def test_no_text_begins_a_formula(begin: str) -> None:
    """Spreadsheets run what begins so; an apostrophe makes it text."""
    assert safe_text(f"{begin}cmd|' /C calc'!A0").startswith("'")


@pytest.mark.parametrize("text", ["shopping_net", "a=b", "", None])
def test_other_texts_stay_what_they_are(text: str | None) -> None:
    """Only the beginning counts."""
    assert safe_text(text) == (text or "")


WHEN = datetime(2020, 6, 21, 22, 14)
FULL = ScoredRow("-1", WHEN, -5.5, "home", 'Smith; "Sons", Ö', "TX", 7e-06, 0)
DESCRIBED = (
    "transaction_id", "transaction_time", "amount", "cat_id", "merch", "us_state", "score", "fraud_flag",
)  # fmt: skip
FILES = ExampleFiles(SHIPPED, project_root() / "onnx/manifest.json")
BARE = ScoredRow("x", None, None, None, None, None, None, None)


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("ru", ['\'-1;2020-06-21 22:14;-5,5;home;"Smith; ""Sons"", Ö";TX;0,000007;0', "x;;;;;;;"]),
        ("en", ['\'-1,2020-06-21 22:14,-5.5,home,"Smith; ""Sons"", Ö",TX,0.000007,0', "x,,,,,,,"]),
    ],
)
def test_rows_are_csv_as_excel_opens_it(language: str, lines: list[str]) -> None:
    """Marks and quotes stay; numbers need no guard; what is not known is empty."""
    assert ScoresFile(SHIPPED).lines([FULL, BARE], DIALECTS[language]).split("\r\n") == [*lines, ""]


@pytest.mark.parametrize(
    ("contract", "header", "line"),
    [
        (SHIPPED, DESCRIBED, '\'-1,2020-06-21 22:14,-5.5,home,"Smith; ""Sons"", Ö",TX,0.000007,0'),
        (
            TERMINALS,
            ("TRANSACTION_ID", "TX_DATETIME", "TX_AMOUNT", "TERMINAL_ID", "score", "fraud_flag"),
            '\'-1,2020-06-21 22:14,-5.5,"Smith; ""Sons"", Ö",0.000007,0',
        ),
        (LOANS, ("transaction_id", "purpose", "score", "fraud_flag"), "'-1,home,0.000007,0"),
    ],
    ids=lambda value: value.name if isinstance(value, Contract) else "",
)
def test_columns_are_the_contracts_roles(contract: Contract, header: tuple[str, ...], line: str) -> None:
    """Under the names of the fields; a role that is missing has no column."""
    file = ScoresFile(contract)
    assert file.header == header
    assert file.lines([FULL], DIALECTS["en"]) == line + "\r\n"


def test_nothing_personal_is_downloaded() -> None:
    """A role may be one."""
    category = SHIPPED.roles.category or ""
    masked = SHIPPED.fields[category].model_copy(update={"personal": True})
    contract = SHIPPED.model_copy(update={"fields": SHIPPED.fields | {category: masked}})
    assert category not in ScoresFile(contract).header


def test_an_upload_has_its_address() -> None:
    """Relative to the page, so that it also holds behind a prefix."""
    assert path_of(UUID(int=1), "ru") == "files/uploads/00000000-0000-0000-0000-000000000001.csv?language=ru"


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_template_opens_in_excel_and_is_accepted(language: str, tmp_path: Path) -> None:
    """With the byte-order mark; the sender reads the same transaction from both."""
    path = tmp_path / "template.csv"
    path.write_text(FILES.template(DIALECTS[language]), newline="")
    assert path.read_bytes().startswith(b"\xef\xbb\xbftransaction_time" + DIALECTS[language].separator.encode())
    with prepare(path, contract=SHIPPED) as prepared:
        [(_, value)] = prepared
        assert (prepared.report.ready, prepared.report.refused_total) == (1, 0)
    data = orjson.loads(value)["data"]
    assert (data["amount"], data["lat"], data["population_city"]) == (104.5, 32.1, 5000)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_sample_in_excels_way_has_the_same_transactions(language: str, tmp_path: Path) -> None:
    """All of them, with the values of the file itself."""
    route = FILES.routes()[1]
    client = TestClient(Starlette(routes=[route]))
    path = tmp_path / "sample.csv"
    path.write_bytes(client.get(f"/{SAMPLE_PATH}?language={language}").content)

    def data_of(file: Path) -> list[Any]:
        with prepare(file, contract=SHIPPED) as prepared:
            assert prepared.report.refused_total == 0
            return [orjson.loads(value)["data"] for _, value in prepared]

    assert data_of(path) == data_of(SAMPLE)
    assert client.get(f"/{SAMPLE_PATH}").content == SAMPLE.read_bytes()
