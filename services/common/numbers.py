"""Numbers as people and programs write them: decimal points and commas, thousands marks. Pure.

A mark that stands before exactly three digits may separate decimals or thousands: `1,045` is 1045 or 1.045. Where the
field or the number itself does not decide, the file does (`Marks`); where nothing does, it is refused.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from services.common.contract import INTEGER_FIELDS
from services.common.values import BadValue, ValueRepair

COORDINATES = frozenset(("lat", "lon", "merchant_lat", "merchant_lon"))
"""At most 180 degrees, so nothing in them separates thousands."""

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
    """What separates decimals."""

    POINT = "."
    COMMA = ","


class Number(NamedTuple):
    """A number, perhaps infinite, and how it differed from the contract's spelling."""

    value: float
    repairs: tuple[ValueRepair, ...]


class NumberMarks:
    """Finds the decimal mark of a whole file by its evidence: all the numbers whose mark can mean one thing alone."""

    def __init__(self) -> None:
        self._proved: set[Mark] = set()

    def see(self, field: str, text: str) -> None:
        """Take a cell into account."""
        if (mark := proves(field, text)) is not None:
            self._proved.add(mark)

    @property
    def contradict(self) -> bool:
        """Whether there is evidence for both."""
        return len(self._proved) > 1

    @property
    def decided(self) -> Mark | None:
        """The mark of all numbers; None if there is no evidence, or evidence for both."""
        return next(iter(self._proved)) if len(self._proved) == 1 else None


def proves(field: str, text: str) -> Mark | None:
    """Return the decimal mark that a number proves by itself, None if it proves none."""
    text = _plainly(text)
    if text.isdigit():
        return None
    if either := _EITHER_WAY.fullmatch(text):
        return _proves_either_way(field, text, Mark(either[1]))
    if grouped := _GROUPED.fullmatch(text):
        return _proves_grouped(field, grouped)
    if PLAIN.fullmatch(text):
        return Mark.POINT if "." in text else None
    return Mark.COMMA if PLAIN.fullmatch(text.replace(",", ".")) else None


def _proves_grouped(field: str, grouped: re.Match[str]) -> Mark | None:
    """Return what a number with thousands marks proves: its decimal mark, or that its points or commas are none."""
    group = grouped["group"]
    if field in COORDINATES and group in ".,":
        return None
    if grouped["mark"]:
        return Mark(grouped["mark"])
    return _other(Mark(group)) if group in ".," and grouped["whole"].count(group) > 1 else None


def _proves_either_way(field: str, text: str, found: Mark) -> Mark | None:
    """Return what a mark before three digits proves: a coordinate has no thousands, a whole number no decimals."""
    if field in COORDINATES:
        return found
    has_decimals = not float(text.replace(",", ".")).is_integer()
    return _other(found) if field in INTEGER_FIELDS and has_decimals else None


def read_number(field: str, text: str, mark: Mark | None = None) -> Number:
    """Return the number in a text.

    Args:
        field: where it stands; coordinates have no thousands.
        text: digits, with a sign, a decimal mark, thousands marks (comma, point, blank, apostrophe) or an exponent.
        mark: what separates decimals in the file, if that is known.

    Raises:
        BadValue: no number, or one that could be two.
    """
    text = _plainly(text)
    if either := _EITHER_WAY.fullmatch(text):
        return _read_either(field, text, Mark(either[1]), mark)
    if PLAIN.fullmatch(text):
        return Number(float(text), ())
    grouped = _GROUPED.fullmatch(text)
    if grouped and not (field in COORDINATES and grouped["group"] in ".,"):
        digits = grouped["whole"].replace(grouped["group"], "")
        comma = (ValueRepair.DECIMAL_COMMA,) if grouped["mark"] == "," else ()
        number = float(f"{grouped['sign']}{digits}.{grouped['decimals'] or 0}")
        return Number(number, (ValueRepair.THOUSANDS_MARK, *comma))
    if "." not in text and PLAIN.fullmatch(text.replace(",", ".")):
        return Number(float(text.replace(",", ".")), (ValueRepair.DECIMAL_COMMA,))
    raise BadValue("is not a number")


def _read_either(field: str, text: str, found: Mark, mark: Mark | None) -> Number:
    """Read a number whose one mark stands before three digits."""
    decimal = Number(float(text.replace(",", ".")), (ValueRepair.DECIMAL_COMMA,) if found is Mark.COMMA else ())
    thousands = Number(float(text.replace(found, "")), (ValueRepair.THOUSANDS_MARK,))
    if field in COORDINATES or found is mark:
        return decimal
    if mark is not None:
        return thousands
    if found is Mark.POINT:  # as programs write a number
        return decimal
    if field in INTEGER_FIELDS and not decimal.value.is_integer():
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
