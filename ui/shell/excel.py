"""Writes CSV so that Excel opens it with a double click, which depends on the language of Excel, not on the file."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BYTE_ORDER_MARK = "\ufeff"
"""Makes Excel read a file as UTF-8 instead of the system's legacy code page."""


@dataclass(frozen=True, slots=True)
class ExcelDialect:
    """CSV as Excel expects it in a language; with another separator it puts a whole line into one cell."""

    separator: str
    decimal_mark: str

    def number(self, written: str) -> str:
        """Return a number written with a decimal point with this dialect's decimal mark."""
        return written.replace(".", self.decimal_mark)

    def lines(self, rows: Iterable[Sequence[object]]) -> str:
        """Return rows of cells as lines of CSV (RFC 4180 except for the separator)."""
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator).writerows(rows)
        return text.getvalue()


DIALECTS = {"ru": ExcelDialect(";", ","), "en": ExcelDialect(",", ".")}


def path_in(path: str, language: str) -> str:
    """Return the path of a file in the dialect of a language."""
    return f"{path}?language={language}"
