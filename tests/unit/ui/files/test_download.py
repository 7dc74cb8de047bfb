"""The scores of a file as CSV."""

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from services.common.spreadsheet import safe_text
from services.sender.csvfile import prepare
from ui.check.downloads import SAMPLE_PATH, download_routes, sample_file, template
from ui.files.download import csv_lines, path_of
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
    assert csv_lines([FULL, BARE], DIALECTS[language]).split("\r\n") == [*lines, ""]


def test_an_upload_has_its_address() -> None:
    """Relative to the page, so that it also holds behind a prefix."""
    assert path_of(UUID(int=1), "ru") == "files/uploads/00000000-0000-0000-0000-000000000001.csv?language=ru"


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_template_opens_in_excel_and_is_accepted(language: str, tmp_path: Path) -> None:
    """With the byte-order mark; the sender reads the same transaction from both."""
    path = tmp_path / "template.csv"
    path.write_text(template(DIALECTS[language]), newline="")
    assert path.read_bytes().startswith(b"\xef\xbb\xbftransaction_time" + DIALECTS[language].separator.encode())
    with prepare(path) as prepared:
        [(_, value)] = prepared
        assert (prepared.report.ready, prepared.report.refused_total) == (1, 0)
    data = orjson.loads(value)["data"]
    assert (data["amount"], data["lat"], data["population_city"]) == (25.79, 39.7817, 114394)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_sample_in_excels_way_has_the_same_transactions(language: str, tmp_path: Path) -> None:
    """All of them, with the values of the file itself."""
    route = download_routes()[1]
    client = TestClient(Starlette(routes=[route]))
    path = tmp_path / "sample.csv"
    path.write_bytes(client.get(f"/{SAMPLE_PATH}?language={language}").content)

    def data_of(file: Path) -> list[Any]:
        with prepare(file) as prepared:
            assert prepared.report.refused_total == 0
            return [orjson.loads(value)["data"] for _, value in prepared]

    assert data_of(path) == data_of(sample_file())
    assert client.get(f"/{SAMPLE_PATH}").content == sample_file().read_bytes()
