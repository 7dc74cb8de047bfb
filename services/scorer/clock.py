"""Event times: text to seconds, a whole column at once. Pure numpy.

Accepted: `YYYY-MM-DD HH:MM` and `YYYY-MM-DD HH:MM:SS`, with a blank or a `T` between date and time; years 1970 to
2099. The calendar is the proleptic Gregorian one; days are counted as in "chrono-Compatible Low-Level Date
Algorithms" (Howard Hinnant), `days_from_civil`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MINUTE_LENGTH, SECOND_LENGTH = len("2019-09-14 02:46"), len("2019-09-14 02:46:00")
SECONDS_A_DAY = 86_400

_DIGIT_PLACES = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
_DAYS_OF_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def parse_times(times: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the seconds since 1970-01-01 of n local times (int64 [n]) and which of them are real times (bool [n]).

    The seconds of an impossible time are 0.
    """
    text = np.frombuffer("".join(map(_to_seconds_form, times)).encode("ascii"), np.uint8).reshape(-1, SECOND_LENGTH)
    digits = text[:, _DIGIT_PLACES].astype(np.int64) - ord("0")
    valid = np.logical_and.reduce((digits >= 0) & (digits <= 9), axis=1)
    valid &= (text[:, 4] == ord("-")) & (text[:, 7] == ord("-"))
    valid &= (text[:, 10] == ord(" ")) | (text[:, 10] == ord("T"))
    valid &= (text[:, 13] == ord(":")) & (text[:, 16] == ord(":"))

    digits[~valid] = 0
    year: NDArray[np.int64] = digits[:, :4] @ np.array([1000, 100, 10, 1])
    month, day, hour, minute, second = (digits[:, at] * 10 + digits[:, at + 1] for at in (4, 6, 8, 10, 12))
    leap: NDArray[np.bool_] = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last_day = _DAYS_OF_MONTH[np.clip(month, 0, 12)] + (leap & (month == 2))
    valid &= (year >= 1970) & (year < 2100) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= last_day)
    valid &= (hour < 24) & (minute < 60) & (second < 60)

    seconds = _days_from_civil(year, month, day) * SECONDS_A_DAY + hour * 3600 + minute * 60 + second
    seconds[~valid] = 0
    return seconds, valid


def _to_seconds_form(time: str) -> str:
    """Return the time as text of SECOND_LENGTH ASCII characters; what has no such form becomes an impossible time."""
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
