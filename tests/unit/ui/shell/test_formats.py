"""How numbers and times are written in each language."""

from datetime import UTC, datetime

import pytest

from ui.shell.formats import ENGLISH_NUMBERS, RUSSIAN_NUMBERS, local_clock

FORMS = ("строка", "строки", "строк")


def test_russian_numbers() -> None:
    """Spaces that do not break between thousands, a decimal comma."""
    assert RUSSIAN_NUMBERS.whole(1234567) == "1\u00a0234\u00a0567"
    assert RUSSIAN_NUMBERS.decimal(1234.5, 2) == "1\u00a0234,50"
    assert RUSSIAN_NUMBERS.percent(0.0055) == "0,55\u00a0%"


def test_english_numbers() -> None:
    """Commas between thousands, a decimal point."""
    assert ENGLISH_NUMBERS.whole(1234567) == "1,234,567"
    assert ENGLISH_NUMBERS.decimal(1234.5, 2) == "1,234.50"
    assert ENGLISH_NUMBERS.percent(0.0055) == "0.55%"


@pytest.mark.parametrize(
    ("number", "noun"),
    [(0, "строк"), (1, "строка"), (2, "строки"), (5, "строк"), (11, "строк"), (12, "строк"), (21, "строка"),
     (22, "строки"), (111, "строк"), (1001, "строка")],
)  # fmt: skip
def test_russian_nouns_follow_their_number(number: int, noun: str) -> None:
    """1, 21, 1001 строка; 2, 22 строки; the rest строк, also 11 to 14."""
    assert RUSSIAN_NUMBERS.counted(number, FORMS).endswith(f"\u00a0{noun}")


def test_english_nouns_follow_their_number() -> None:
    """One row, all else rows."""
    assert ENGLISH_NUMBERS.counted(1, ("row", "rows", "rows")) == "1\u00a0row"
    assert ENGLISH_NUMBERS.counted(21, ("row", "rows", "rows")) == "21\u00a0rows"


def test_the_clock_is_the_readers() -> None:
    """A moment is shown by the clock of the reader, not of the server."""
    moment = datetime(2026, 11, 23, 22, 30, 5, tzinfo=UTC)
    assert local_clock(moment, 180) == "01:30:05"
    assert local_clock(moment, -210, "%H:%M") == "19:00"
