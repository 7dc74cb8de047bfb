"""Event times: text to seconds, a whole column at once.

Accepted: `YYYY-MM-DD HH:MM` and `YYYY-MM-DD HH:MM:SS`, with a blank or a `T` between date and time; years 1970 to
2099. The calendar is the proleptic Gregorian one; days are counted as in "chrono-Compatible Low-Level Date
Algorithms" (Howard Hinnant), `days_from_civil`.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

MINUTE_LENGTH, SECOND_LENGTH = len("2019-09-14 02:46"), len("2019-09-14 02:46:00")
SECONDS_A_DAY = 86_400
_FIRST_DAY = datetime(1970, 1, 1).toordinal()

_NO_SECONDS = np.frombuffer(b":00", np.uint8)
_DIGIT_PLACES = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
_DAYS_OF_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def parse_times(times: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the seconds since 1970-01-01 of n local times (int64 [n]) and which of them are real times (bool [n]).

    The seconds of an impossible time are 0.
    """
    text = _to_seconds_form(times)
    digits = text[:, _DIGIT_PLACES] - ord("0")  # uint8: what is no digit comes out above 9
    valid = (digits <= 9).all(axis=1)
    valid &= (text[:, 4] == ord("-")) & (text[:, 7] == ord("-"))
    valid &= (text[:, 10] == ord(" ")) | (text[:, 10] == ord("T"))
    valid &= (text[:, 13] == ord(":")) & (text[:, 16] == ord(":"))

    digits[~valid] = 0
    century, of_century, month, day, hour, minute, second = (digits[:, ::2] * 10 + digits[:, 1::2]).T.astype(np.int64)
    year = century * 100 + of_century
    leap: NDArray[np.bool_] = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last_day = _DAYS_OF_MONTH[np.clip(month, 0, 12)] + (leap & (month == 2))
    valid &= (year >= 1970) & (year < 2100) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= last_day)
    valid &= (hour < 24) & (minute < 60) & (second < 60)

    seconds = _days_from_civil(year, month, day) * SECONDS_A_DAY + hour * 3600 + minute * 60 + second
    seconds[~valid] = 0
    return seconds, valid


def seconds_of(time: datetime) -> int:
    """Return the seconds since 1970-01-01 of a local time."""
    return (time.toordinal() - _FIRST_DAY) * SECONDS_A_DAY + time.hour * 3600 + time.minute * 60 + time.second


def _to_seconds_form(times: Sequence[str]) -> NDArray[np.uint8]:
    """Return the times as ASCII text with seconds, uint8 [n, SECOND_LENGTH].

    Text of any other form becomes an impossible time.
    """
    together = "".join(times)
    if together.isascii() and set(map(len, times)) == {MINUTE_LENGTH}:
        minutes = np.frombuffer(together.encode("ascii"), np.uint8).reshape(-1, MINUTE_LENGTH)
        return np.concatenate([minutes, np.tile(_NO_SECONDS, (len(times), 1))], axis=1)
    return np.frombuffer("".join(map(_one_to_seconds_form, times)).encode("ascii"), np.uint8).reshape(-1, SECOND_LENGTH)


def _one_to_seconds_form(time: str) -> str:
    if len(time) == MINUTE_LENGTH and time.isascii():
        return time + ":00"
    if len(time) == SECOND_LENGTH and time.isascii():
        return time
    return "?" * SECOND_LENGTH


def _days_from_civil(year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return days since 1970-01-01 (int64 [n])."""
    year = year - (month <= 2)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    days: NDArray[np.int64] = era * 146_097 + day_of_era - 719_468
    return days
