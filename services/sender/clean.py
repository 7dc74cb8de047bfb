"""The short way: encodes many rows at once if nothing is odd about any of them. Knows nothing of how to mend a row.

Columns are checked whole, each in one call. For rows that pass, the bytes are those `rows.py` gives.
"""

from collections.abc import Sequence
from datetime import date
from operator import itemgetter
from typing import cast
from uuid import UUID

import orjson

from services.common.contract import FIELDS
from services.sender.dialect import ID_COLUMN, Dialect
from services.sender.ids import row_ids
from services.sender.records import Record
from services.sender.rows import AMOUNT_LIMIT, DATE, DAY_SECONDS, INTEGER_LIMIT, VALUE_MAX_BYTES, Payment

_SECONDS_OF_CLOCK = {f" {hour:02}:{minute:02}": hour * 3600 + minute * 60 for hour in range(24) for minute in range(60)}
_DATES_KEPT = 10_000


class CleanRows:
    """Encodes clean rows of one file: all 17 columns there, no ids of their own."""

    def __init__(self, dialect: Dialect, namespace: UUID) -> None:
        self._row_ids = row_ids(namespace)
        self._width = dialect.width
        complete = not dialect.missing and ID_COLUMN not in dialect.positions
        self._pick = itemgetter(*(dialect.positions[field] for field in FIELDS)) if complete else None
        self._seconds_of_date = _SecondsOfDate()

    def encode(self, records: Sequence[Record], first_row: int) -> list[Payment] | None:
        """Return the payments of rows numbered from `first_row`, or None if any row wants a closer look."""
        if self._pick is None or set(map(type, records)) != {list}:
            return None
        rows = cast(Sequence[list[str]], records)
        if set(map(len, rows)) != {self._width}:
            return None
        columns = self._pick(list(zip(*rows, strict=True)))
        (times, merchants, categories, amounts, names_1, names_2, genders, streets, cities, states,
         post_codes, lats, lons, populations, jobs, merchant_lats, merchant_lons) = columns  # fmt: skip
        try:
            seconds = [self._seconds_of_date[time[:10]] + _SECONDS_OF_CLOCK[time[10:]] for time in times]
            decimals = [_decimals(column) for column in (amounts, lats, lons, merchant_lats, merchant_lons)]
            integers = [_integers(column) for column in (post_codes, populations)]
        except (KeyError, ValueError):
            return None
        if max(map(abs, decimals[0])) > AMOUNT_LIMIT:
            return None
        texts = (merchants, categories, names_1, names_2, genders, streets, cities, states, jobs)
        if not all(map(_is_plain, texts)):
            return None
        payments: list[Payment] = [
            (
                second,
                f"{name_1}|{name_2}|{street}".encode(),
                orjson.dumps(
                    {
                        "transaction_id": transaction_id,
                        "data": {
                            "transaction_time": time,
                            "merch": merchant,
                            "cat_id": category,
                            "amount": amount,
                            "name_1": name_1,
                            "name_2": name_2,
                            "gender": gender,
                            "street": street,
                            "one_city": city,
                            "us_state": state,
                            "post_code": post_code,
                            "lat": lat,
                            "lon": lon,
                            "population_city": population,
                            "jobs": job,
                            "merchant_lat": merchant_lat,
                            "merchant_lon": merchant_lon,
                        },
                    }
                ),
            )
            for (
                transaction_id, second, time,
                merchant, category, name_1, name_2, gender, street, city, state, job,
                amount, lat, lon, merchant_lat, merchant_lon, post_code, population,
            ) in zip(self._row_ids(first_row, len(rows)), seconds, times, *texts, *decimals, *integers, strict=True)
        ]  # fmt: skip
        return payments if all(len(value) <= VALUE_MAX_BYTES for _, _, value in payments) else None


def _is_plain(texts: tuple[str, ...]) -> bool:
    """Tell whether no text is empty or has spaces around it."""
    return "" not in texts and tuple(map(str.strip, texts)) == texts


def _decimals(texts: tuple[str, ...]) -> list[float]:
    """Return finite numbers, or raise ValueError. JSON's grammar is the check: no nan, no 1_000, no blank."""
    numbers = orjson.loads(f"[{','.join(texts)}]")
    types = set(map(type, numbers))
    if len(numbers) != len(texts) or not types <= {int, float}:
        raise ValueError
    return numbers if types == {float} else list(map(float, numbers))


def _integers(texts: tuple[str, ...]) -> list[int]:
    """Return integers that any reader of JSON can hold, or raise ValueError."""
    numbers: list[int] = orjson.loads(f"[{','.join(texts)}]")
    if len(numbers) != len(texts) or set(map(type, numbers)) != {int}:
        raise ValueError
    if not -INTEGER_LIMIT < min(numbers) <= max(numbers) < INTEGER_LIMIT:
        raise ValueError
    return numbers


class _SecondsOfDate(dict[str, int]):
    """Seconds at the midnight of each date met so far; a ValueError for what is not a date."""

    def __missing__(self, text: str) -> int:
        if not DATE.fullmatch(text):
            raise ValueError
        seconds = date.fromisoformat(text).toordinal() * DAY_SECONDS
        if len(self) < _DATES_KEPT:
            self[text] = seconds
        return seconds
