"""Reads numbers as people and programs write them: with decimal points or commas, and thousands separators. Pure.

A mark before exactly three digits is ambiguous: `1,045` is 1045 or 1.045. The field's kind and the number decide, or
else the other numbers of the file (`NumberMarks`); if nothing does, the number is refused.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from services.common.reading.values import BadValue, ValueRepair

Kind = str
"""The type of a field in a contract: "number"; "integer", without decimals; "coordinate", at most 180 degrees and so
without thousands separators.
"""

PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_EITHER_WAY = re.compile(r"[+-]?[1-9]\d{0,2}([.,])\d{3}", re.ASCII)
_GROUPED = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[1-9]\d{0,2}(?P<group>[ ',.])\d{3}(?:(?P=group)\d{3})*)"
    r"(?:(?!(?P=group))(?P<mark>[.,])(?P<decimals>\d+))?",
    re.ASCII,
)
_BLANKS = str.maketrans(dict.fromkeys("\u00a0\u2009\u202f", " ") | {"\u2019": "'", "\u2212": "-"})
"""Narrow and fixed blanks, the typographic apostrophe and minus."""


class Mark(StrEnum):
    """A decimal mark."""

    POINT = "."
    COMMA = ","


class Number(NamedTuple):
    """A number, perhaps infinite, and the repairs it took."""

    value: float
    repairs: tuple[ValueRepair, ...]


class NumberMarks:
    """Finds the decimal mark of a file by the numbers in which it is unambiguous."""

    def __init__(self) -> None:
        self._proved: set[Mark] = set()

    def see(self, kind: Kind, text: str) -> None:
        """Take a cell into account."""
        if (mark := proves(kind, text)) is not None:
            self._proved.add(mark)

    @property
    def contradict(self) -> bool:
        """Whether there is evidence for both."""
        return len(self._proved) > 1

    @property
    def decided(self) -> Mark | None:
        """The mark of all numbers; None if there is no evidence, or evidence for both."""
        return next(iter(self._proved)) if len(self._proved) == 1 else None


def proves(kind: Kind, text: str) -> Mark | None:
    """Return the decimal mark that a number proves, None if it proves none."""
    text = _plainly(text)
    if text.isdigit():
        return None
    if either := _EITHER_WAY.fullmatch(text):
        return _proves_either_way(kind, text, Mark(either[1]))
    if grouped := _GROUPED.fullmatch(text):
        return _proves_grouped(kind, grouped)
    if PLAIN.fullmatch(text):
        return Mark.POINT if "." in text else None
    return Mark.COMMA if PLAIN.fullmatch(text.replace(",", ".")) else None


def _proves_grouped(kind: Kind, grouped: re.Match[str]) -> Mark | None:
    """Return what a number with thousands separators proves: its decimal mark, or which mark is not one."""
    group = grouped["group"]
    if kind == "coordinate" and group in ".,":
        return None
    if grouped["mark"]:
        return Mark(grouped["mark"])
    return _other(Mark(group)) if group in ".," and grouped["whole"].count(group) > 1 else None


def _proves_either_way(kind: Kind, text: str, found: Mark) -> Mark | None:
    """Return what a mark before three digits proves: coordinates have no thousands, whole numbers no decimals."""
    if kind == "coordinate":
        return found
    has_decimals = not float(text.replace(",", ".")).is_integer()
    return _other(found) if kind == "integer" and has_decimals else None


def read_number(kind: Kind, text: str, mark: Mark | None = None) -> Number:
    """Return the number in a text.

    Args:
        kind: of the field.
        text: digits with a sign, a decimal mark, thousands separators (comma, point, blank, apostrophe), an exponent.
        mark: the decimal mark of the file, if known.

    Raises:
        BadValue: not a number, or an ambiguous one.
    """
    text = _plainly(text)
    if either := _EITHER_WAY.fullmatch(text):
        return _read_either(kind, text, Mark(either[1]), mark)
    if PLAIN.fullmatch(text):
        return Number(float(text), ())
    grouped = _GROUPED.fullmatch(text)
    if grouped and not (kind == "coordinate" and grouped["group"] in ".,"):
        digits = grouped["whole"].replace(grouped["group"], "")
        comma = (ValueRepair.DECIMAL_COMMA,) if grouped["mark"] == "," else ()
        number = float(f"{grouped['sign']}{digits}.{grouped['decimals'] or 0}")
        return Number(number, (ValueRepair.THOUSANDS_MARK, *comma))
    if "." not in text and PLAIN.fullmatch(text.replace(",", ".")):
        return Number(float(text.replace(",", ".")), (ValueRepair.DECIMAL_COMMA,))
    raise BadValue("is not a number")


def _read_either(kind: Kind, text: str, found: Mark, mark: Mark | None) -> Number:
    """Read a number whose only mark is before three digits."""
    decimal = Number(float(text.replace(",", ".")), (ValueRepair.DECIMAL_COMMA,) if found is Mark.COMMA else ())
    thousands = Number(float(text.replace(found, "")), (ValueRepair.THOUSANDS_MARK,))
    if kind == "coordinate" or found is mark:
        return decimal
    if mark is not None:
        return thousands
    if found is Mark.POINT:  # as programs write a number
        return decimal
    if kind == "integer" and not decimal.value.is_integer():
        return thousands
    raise BadValue(
        f"may be {thousands.value:.0f} or {decimal.value:g}, and nothing else in the file or message decides: "
        "write numbers without thousands marks, with a decimal point",
        ambiguous=True,
    )


def _plainly(text: str) -> str:
    return text.strip().translate(_BLANKS)


def _other(mark: Mark) -> Mark:
    return Mark.COMMA if mark is Mark.POINT else Mark.POINT
