"""Reads a value, from a cell of a CSV file, a field of a message or a form. Pure.

Times, words for "missing", known names and ids; numbers.py reads numbers. A value in another spelling than
the contract's is repaired, and the kind of repair returned; an ambiguous one is refused, and the error says how to
write it.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Literal, NamedTuple


class ValueRepair(StrEnum):
    """How a value differed from the contract's spelling and was repaired: a closed list."""

    NUMBER_AS_TEXT = "number_as_text"
    DECIMAL_COMMA = "decimal_comma"
    THOUSANDS_MARK = "thousands_mark"
    MISSING_WORD = "missing_word"
    VALUE_SPELLING = "value_spelling"
    ID_AS_NUMBER = "id_as_number"
    TIME_WITH_SECONDS = "time_with_seconds"
    TIME_WITH_T = "time_with_t"
    TIME_ZONE_DROPPED = "time_zone_dropped"
    TIME_FRACTION_DROPPED = "time_fraction_dropped"
    TIME_DAY_FIRST = "time_day_first"
    TIME_OTHER_FORM = "time_other_form"


class BadValue(ValueError):
    """A value that cannot be read, or `ambiguous`: in two ways. The text is the end of a sentence about it."""

    def __init__(self, message: str, *, ambiguous: bool = False) -> None:
        super().__init__(message)
        self.ambiguous = ambiguous


_WORDS = ("na", "n/a", "n.a.", "#n/a", "#na", "nan", "-nan", "nat", "null", "(null)", "nil", "none", "<na>", "\\n", "undefined")  # noqa: E501  # fmt: skip
_SIGNS = ("", "-", "--", "\u2013", "\u2014")
_NAMES = frozenset(("Na", "Nan", "Nil", "Null"))
"""Names of people. Programs write these words in one case, so one capital means a person."""

MISSING = frozenset(_SIGNS) | {
    form for word in _WORDS for form in (word, word.upper(), word.title(), word.capitalize())
}
MISSING |= {"NaN", "-NaN", "NaT", "N/a", "#N/a"}
"""The spellings of "missing" of pandas, R, SQL, MySQL, spreadsheets, JavaScript and people."""

MISSING_NAMES = MISSING - _NAMES
"""The same for a person's name."""

_TIME = re.compile(
    r"""(?:(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})
         |(?P<first>\d{1,2})\.(?P<second>\d{1,2})\.(?P<last>\d{4}))
        (?P<between>T|,?[ ]+)
        (?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<seconds>\d{2})(?P<fraction>[.,]\d+)?)?
        (?P<zone>[ ]?(?:Z|UTC|GMT|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)(?:\[[\w/+-]+\])?)?""",
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)
_BASIC = re.compile(
    r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)?((?:(?<=T\d{6})[.,]\d+)?)(Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
"""ISO 8601's basic format, without separators."""
_EITHER_WAY = re.compile(
    r"(?:\d{1,2}([/-])\d{1,2}\1(?:\d{4}|\d{2})|\d{1,2}\.\d{1,2}\.\d{2})(?!\d).*", re.ASCII | re.DOTALL
)

FIRST_YEAR, LAST_YEAR = 1970, 2099
"""In any other year the clock is assumed to be wrong."""


Unit = Literal["s", "ms"]
UNITS_A_SECOND: dict[Unit, int] = {"s": 1, "ms": 1_000}

LAST_SECOND = int(datetime(LAST_YEAR, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


class Moment(NamedTuple):
    """A local time: `text` is the contract's spelling, without seconds if they are 0."""

    text: str
    time: datetime
    repairs: tuple[ValueRepair, ...]


def read_time(text: str) -> Moment:
    """Return the time in a text: ISO 8601 with T, Z, offset or fraction; year first with / or .; dotted day first.

    A zone is dropped: the model's hour is that of the place of the transaction.

    Raises:
        BadValue: not a time with an hour, or one of two possible days.
    """
    text = text.strip()
    match = _TIME.fullmatch(text) or _TIME.fullmatch(_with_marks(text))
    if match is None:
        if _EITHER_WAY.fullmatch(text):
            raise BadValue(
                "may be read day first or month first: write year, month, day, like 2020-03-04 08:00", ambiguous=True
            )
        raise BadValue("is not a time like 2019-09-14 02:46 or 2019-09-14 02:46:30")
    found = match.groupdict()
    day_first = found["last"] is not None
    year, month, day = (
        found[name] for name in (("last", "second", "first") if day_first else ("year", "month", "day"))
    )
    try:
        seconds = int(found["seconds"] or 0)
        time = datetime(int(year), int(month), int(day), int(found["hour"]), int(found["minute"]), seconds)
    except ValueError:
        raise BadValue("is no day of the calendar or no time of a day") from None
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise BadValue(f"is not of the years {FIRST_YEAR} to {LAST_YEAR}")
    return Moment(time.isoformat(" ", "seconds" if seconds else "minutes"), time, _repairs_of(text, found))


def read_epoch(number: float, unit: Unit) -> Moment:
    """Return the time, in UTC, of a number of units since 1970-01-01 (POSIX.1-2024, "Seconds Since the Epoch").

    Raises:
        BadValue: it is not in the years that are read; the usual cause is the other unit.
    """
    seconds = number // UNITS_A_SECOND[unit]
    if not 0 <= seconds <= LAST_SECOND:
        raise BadValue(f"is no time in {unit} since 1970-01-01 of the years {FIRST_YEAR} to {LAST_YEAR}")
    time = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return Moment(time.isoformat(" ", "seconds" if time.second else "minutes"), time, ())


def _repairs_of(text: str, found: dict[str, str | None]) -> tuple[ValueRepair, ...]:
    day_first = found["last"] is not None
    other_form = not day_first and (found["mark"] != "-" or len(found["hour"] or "") == 1 or "-" not in text[:5])
    found_repairs = {
        ValueRepair.TIME_DAY_FIRST: day_first,
        ValueRepair.TIME_WITH_T: (found["between"] or "") in "Tt",
        ValueRepair.TIME_WITH_SECONDS: found["seconds"] is not None,
        ValueRepair.TIME_FRACTION_DROPPED: found["fraction"] is not None,
        ValueRepair.TIME_ZONE_DROPPED: found["zone"] is not None,
        ValueRepair.TIME_OTHER_FORM: other_form,
    }
    return tuple(repair for repair, is_found in found_repairs.items() if is_found)


def _with_marks(text: str) -> str:
    """Return ISO 8601's basic format as its extended one; any other text unchanged."""
    match = _BASIC.fullmatch(text)
    if match is None:
        return text
    year, month, day, hour, minute, second, fraction, zone = match.groups(default="")
    return f"{year}-{month}-{day}T{hour}:{minute}{':' + second if second else ''}{fraction}{zone}"


_SEPARATORS = re.compile(r"[\s_\-\u2010-\u2014]+")


@lru_cache(maxsize=4_096)
def fold(text: str) -> str:
    """Return a name without case, blanks, dashes and underscores."""
    return _SEPARATORS.sub("", text).casefold()


class Spellings:
    """Known names, found by any spelling."""

    def __init__(self, known: Iterable[str], aliases: Iterable[tuple[str, str]] = ()) -> None:
        """Take the names, and aliases as (word, name). A spelling that two names share is unknown."""
        self.known = frozenset(known)
        by_fold: dict[str, str | None] = {}
        for name in self.known:
            by_fold[fold(name)] = None if fold(name) in by_fold else name
        for word, name in aliases:
            by_fold.setdefault(fold(word), name)
        self._by_fold = by_fold

    def find(self, text: str) -> str | None:
        """Return the name that a text spells, None if it is unknown."""
        return text if text in self.known else self._by_fold.get(fold(text))


def read_id(value: object) -> object:
    """Return a transaction's id: a whole number as its digits, a word for "missing" as None, others unchanged."""
    if type(value) is int:
        return str(value)
    return None if type(value) is str and value in MISSING else value
