"""Formats numbers and times in a language."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

NARROW_SPACE = "\u00a0"


@dataclass(frozen=True, slots=True)
class Numbers:
    """How one language writes numbers: 12 345,60 or 12,345.60."""

    thousands_mark: str
    decimal_mark: str
    percent_gap: str
    date_pattern: str
    plural_form: Callable[[int], int]
    units: tuple[str, str, str]
    """Short names of second, minute and hour."""

    def whole(self, number: int) -> str:
        """Return 12345 as «12 345»."""
        return f"{number:,}".replace(",", self.thousands_mark)

    def decimal(self, number: float, places: int) -> str:
        """Return 1234.5 with 2 places as «1 234,50»."""
        swap = {",": self.thousands_mark, ".": self.decimal_mark}
        return "".join(swap.get(sign, sign) for sign in f"{number:,.{places}f}")

    def percent(self, share: float, places: int = 2) -> str:
        """Return 0.0055 as «0,55 %»."""
        return f"{self.decimal(share * 100, places)}{self.percent_gap}%"

    def date_time(self, moment: datetime) -> str:
        """Return an event time to the minute."""
        return moment.strftime(self.date_pattern)

    def duration(self, seconds: float) -> str:
        """Return 95 as «1 мин», in the largest unit that fits."""
        second, minute, hour = self.units
        whole = max(0, round(seconds))
        if whole < 60:
            return f"{whole}{NARROW_SPACE}{second}"
        if whole < 3600:
            return f"{whole // 60}{NARROW_SPACE}{minute}"
        return f"{self.whole(whole // 3600)}{NARROW_SPACE}{hour}"

    def counted(self, number: int, forms: tuple[str, str, str]) -> str:
        """Return a number with its noun: («строка», «строки», «строк») give «21 строка», «22 строки», «25 строк»."""
        return f"{self.whole(number)}{NARROW_SPACE}{forms[self.plural_form(number)]}"


def russian_plural(number: int) -> int:
    """Return the index of the Russian plural form: 0 for 1, 21…; 1 for 2-4, 22…; 2 for the rest."""
    if number % 10 == 1 and number % 100 != 11:
        return 0
    return 1 if number % 10 in {2, 3, 4} and number % 100 not in {12, 13, 14} else 2


def english_plural(number: int) -> int:
    """Return the index of the English plural form: 0 for one, 2 for the rest."""
    return 0 if number == 1 else 2


RUSSIAN_NUMBERS = Numbers(NARROW_SPACE, ",", NARROW_SPACE, "%d.%m.%Y %H:%M", russian_plural, ("с", "мин", "ч"))
ENGLISH_NUMBERS = Numbers(",", ".", "", "%Y-%m-%d %H:%M", english_plural, ("s", "min", "h"))


def local_clock(moment: datetime, utc_offset_minutes: int, pattern: str = "%H:%M:%S") -> str:
    """Return a moment in the local time of a reader, whose clock is `utc_offset_minutes` ahead of UTC."""
    return moment.astimezone(timezone(timedelta(minutes=utc_offset_minutes))).strftime(pattern)
