"""Encodes many rows at once if none of them needs a repair: the bytes are those of `rows.py`, 6 times as fast.

Columns are checked whole, each in one call.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Any, cast

import orjson

from services.common.contract.cards import CUSTOMER_FIELDS, DECIMAL_FIELDS, FIELDS, INTEGER_FIELDS, TEXT_FIELDS
from services.common.values import GENDERS, Spellings, missing_words
from services.sender.dialect import ID_COLUMN, Dialect
from services.sender.ids import OCTETS, content_ids, message_of
from services.sender.records import Record
from services.sender.report import UnknownValues
from services.sender.rows import AMOUNT_LIMIT, DAY_SECONDS, INTEGER_LIMIT, VALUE_MAX_BYTES, EncodedRow

_DATE = re.compile(r"(?:19[7-9]\d|20\d\d)-\d{2}-\d{2}", re.ASCII)
_SECONDS_OF_CLOCK = {f" {hour:02}:{minute:02}": hour * 3600 + minute * 60 for hour in range(24) for minute in range(60)}
_DATES_KEPT = 10_000


class FastRowEncoder:
    """Encodes clean rows of a file that has all 17 columns and no ids of its own."""

    def __init__(
        self,
        dialect: Dialect,
        names: Mapping[str, Spellings] | None = None,
        unknown: UnknownValues | None = None,
    ) -> None:
        self._names = {"gender": GENDERS} if names is None else names
        self._unknown = unknown or UnknownValues()
        self._width = dialect.width
        complete = not dialect.missing and ID_COLUMN not in dialect.positions
        self._pick = itemgetter(*(dialect.positions[field] for field in FIELDS)) if complete else None
        self._seconds_of_date = _SecondsOfDate()

    def encode(self, records: Sequence[Record], lines: Sequence[int]) -> list[EncodedRow] | None:
        """Return the transactions of rows, or None if any row is not clean; `lines` are their lines in the file."""
        if self._pick is None or set(map(type, records)) != {list}:
            return None
        rows = cast(Sequence[list[str]], records)
        if set(map(len, rows)) != {self._width}:
            return None
        columns = dict(zip(FIELDS, self._pick(list(zip(*rows, strict=True))), strict=True))
        try:
            times, *others = [_READERS[field](texts) for field, texts in columns.items()]
            odd = {field: _odd_names(columns[field], known) for field, known in self._names.items()}
            seconds = [self._seconds_of_date[time[:10]] + _SECONDS_OF_CLOCK[time[10:]] for time in times]
        except (KeyError, ValueError):
            return None
        fields = [_fields(*row) for row in zip(times, *others, strict=True)]
        ids, octets = content_ids(fields, columns["cat_id"])
        values = list(map(message_of, ids, fields))
        if max(map(len, values)) > VALUE_MAX_BYTES:
            return None
        customers = zip(*(columns[field] for field in CUSTOMER_FIELDS), strict=True)
        keys = ["|".join(parts).encode() for parts in customers]
        each = [octets[start : start + OCTETS] for start in range(0, len(octets), OCTETS)]
        for field in [field for field, names in odd.items() if names]:
            for line, text in zip(lines, columns[field], strict=True):
                if text in odd[field]:
                    self._unknown.add(field, text, line)
        return list(zip(seconds, keys, values, each, strict=True))


def _fields(
    time: str, merchant: str, category: str, amount: float, name_1: str, name_2: str, gender: str, street: str,
    city: str, state: str, post_code: int, lat: float, lon: float, population: int, jobs: str, merchant_lat: float,
    merchant_lon: float,
) -> bytes:  # fmt: skip
    """Return fields in the contract's order as JSON. (A dict display is twice as fast as dict(zip(…)).)"""
    return orjson.dumps({
        "transaction_time": time, "merch": merchant, "cat_id": category, "amount": amount,
        "name_1": name_1, "name_2": name_2, "gender": gender, "street": street, "one_city": city,
        "us_state": state, "post_code": post_code, "lat": lat, "lon": lon, "population_city": population,
        "jobs": jobs, "merchant_lat": merchant_lat, "merchant_lon": merchant_lon,
    })  # fmt: skip


def _odd_names(texts: tuple[str, ...], known: Spellings) -> set[str]:
    """Return the unknown names, or raise ValueError if one is another spelling of a known name."""
    odd = set(texts) - known.known
    if any(known.find(text) for text in odd):
        raise ValueError
    return odd


def _texts(field: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """Return a reader of a text field, which raises ValueError if a text is missing or has spaces around it."""
    missing = missing_words(field)

    def read(texts: tuple[str, ...]) -> tuple[str, ...]:
        if not missing.isdisjoint(texts) or tuple(map(str.strip, texts)) != texts:
            raise ValueError
        return texts

    return read


def _numbers(texts: tuple[str, ...]) -> list[Any]:
    """Return what JSON reads, one a text, or raise ValueError. Its grammar is the check: no nan, no 1_000, no blank."""
    joined = ",".join(texts)
    values: list[Any] = orjson.loads(f"[{joined}]")
    if len(values) != len(texts) or joined.split(maxsplit=1) != [joined]:
        raise ValueError
    return values


def _decimals(texts: tuple[str, ...]) -> list[float]:
    """Return finite numbers, or raise ValueError."""
    numbers = _numbers(texts)
    types = set(map(type, numbers))
    if not types <= {int, float}:
        raise ValueError
    return numbers if types == {float} else list(map(float, texts))  # not of numbers: -0 is an int to JSON


def _amounts(texts: tuple[str, ...]) -> list[float]:
    """Return amounts the scorer scores, or raise ValueError."""
    amounts = _decimals(texts)
    if max(map(abs, amounts)) > AMOUNT_LIMIT:
        raise ValueError
    return amounts


def _integers(texts: tuple[str, ...]) -> list[int]:
    """Return integers that any reader of JSON can hold, or raise ValueError."""
    numbers: list[int] = _numbers(texts)
    if set(map(type, numbers)) != {int}:
        raise ValueError
    if not -INTEGER_LIMIT < min(numbers) <= max(numbers) < INTEGER_LIMIT:
        raise ValueError
    return numbers


_READERS: Mapping[str, Callable[[tuple[str, ...]], Sequence[Any]]] = (
    {field: _texts(field) for field in TEXT_FIELDS}
    | dict.fromkeys(DECIMAL_FIELDS, _decimals)
    | dict.fromkeys(INTEGER_FIELDS, _integers)
    | {"amount": _amounts}
)
"""Field -> reader of all its texts; ValueError if one of them is not clean."""


class _SecondsOfDate(dict[str, int]):
    """Date -> seconds of its midnight; ValueError for what is not a date."""

    def __missing__(self, text: str) -> int:
        if not _DATE.fullmatch(text):
            raise ValueError
        seconds = date.fromisoformat(text).toordinal() * DAY_SECONDS
        if len(self) < _DATES_KEPT:
            self[text] = seconds
        return seconds
