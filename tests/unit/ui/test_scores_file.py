"""The scores of a file as CSV."""

import csv
import io
from datetime import datetime
from uuid import UUID

import pytest

from ui.journal import ScoredRow
from ui.scores_file import csv_lines, path_of, safe_text


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "  =", "\u00a0@"])
def test_no_text_begins_a_formula(begin: str) -> None:
    """Spreadsheets run what begins so; an apostrophe makes it text."""
    assert safe_text(f"{begin}cmd|' /C calc'!A0").startswith("'")


@pytest.mark.parametrize("text", ["shopping_net", "a=b", "", None])
def test_other_texts_stay_what_they_are(text: str | None) -> None:
    """Only the beginning counts."""
    assert safe_text(text) == (text or "")


def test_rows_are_csv() -> None:
    """Commas and quotes are kept; numbers need no guard; what is not known is empty."""
    when = datetime(2020, 6, 21, 22, 14)
    full = ScoredRow("-1", when, -5.5, "home", 'Smith, "Sons"', "TX", 7e-06, 0)
    bare = ScoredRow("x", None, None, None, None, None, None, None)
    assert list(csv.reader(io.StringIO(csv_lines([full, bare])))) == [
        ["'-1", "2020-06-21 22:14", "-5.5", "home", 'Smith, "Sons"', "TX", "0.000007", "0"],
        ["x", "", "", "", "", "", "", ""],
    ]


def test_an_upload_has_its_address() -> None:
    """Relative to the page, so that it also holds behind a prefix."""
    assert path_of(UUID(int=1)) == "files/uploads/00000000-0000-0000-0000-000000000001.csv"
