"""Writes CSV as a person's Excel opens it at a double click: it goes by the language, not by the file. Pure."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BYTE_ORDER_MARK = "\ufeff"
"""Tells Excel that a file is UTF-8: without it, it takes the system's old code page."""

_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Spreadsheets take a cell that begins so for a formula (OWASP, CSV Injection), the wide forms too."""


@dataclass(frozen=True, slots=True)
class ExcelDialect:
    """How Excel writes CSV in a language: with another separator it puts a whole line into one cell."""

    separator: str
    decimal_mark: str

    def number(self, written: str) -> str:
        """Return a number that is written with a point as it is written here."""
        return written.replace(".", self.decimal_mark)

    def lines(self, rows: Iterable[Sequence[object]]) -> str:
        """Return rows of cells as lines of CSV (RFC 4180, but for the separator)."""
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator).writerows(rows)
        return text.getvalue()


DIALECTS = {"ru": ExcelDialect(";", ","), "en": ExcelDialect(",", ".")}


def safe_text(text: str | None) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe before whatever may be one."""
    return "'" + text if text and text.lstrip(" \u00a0").startswith(_FORMULA_BEGINS) else text or ""


def spoken(path: str, language: str) -> str:
    """Return the address of a file as it is written for a language."""
    return f"{path}?language={language}"
