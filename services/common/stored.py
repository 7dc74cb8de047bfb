"""Decodes messages of `transactions` into rows of the table of that name. Pure.

Lenient: a field that is missing or invalid becomes null, since it is the scorer that rejects transactions.
"""

import contextlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.common.contract import CUSTOMER_FIELDS, customer_of, record_id
from services.common.errors import Reject
from services.common.message import FieldReader, decimal_mark, open_envelope, pick_field
from services.common.values import BadValue, read_time

TransactionRow = tuple[
    str, datetime | None, float | None, str | None, str | None, str | None, str | None, str | None, int, int
]
"""transaction_id, event_time, amount, category, merchant, state, city, customer, src_partition, src_offset"""

_CONTEXT_FIELDS = ("transaction_time", "amount", "cat_id", "merch", "us_state", "one_city", *CUSTOMER_FIELDS)

_TIME_LENGTHS = frozenset({len("2019-09-14 02:46"), len("2019-09-14 02:46:00")})
_CUSTOMER_MAX_CHARACTERS = 512
"""Fits an index entry of PostgreSQL (2,704 bytes) at 4 bytes a character, together with the event time."""


class TransactionReader:
    """Decodes many transactions at once, as decode_transaction() does one."""

    def __init__(self) -> None:
        self._reader = FieldReader((), _CONTEXT_FIELDS)

    def read(
        self, values: Sequence[bytes | None], topic: str, places: Sequence[tuple[int, int]]
    ) -> tuple[list[TransactionRow], int]:
        """Return the rows of those that are transactions, in order, and the number of others.

        Args:
            values: the messages' bytes [m].
            topic: of the messages.
            places: (partition, offset) of each [m].
        """
        read = self._reader.read(values, lambda number: record_id(topic, *places[number]))
        rows: dict[int, TransactionRow] = {}
        for transaction_id, number, fields in zip(read.ids, read.places, read.rows, strict=True):
            time, amount, category, merchant, state, city, name, surname, street = fields
            partition, offset = places[number]
            rows[number] = (
                transaction_id,
                _time(time),
                amount if amount is None or math.isfinite(amount) else None,
                category,
                merchant,
                state,
                city,
                _short(f"{name}|{surname}|{street}") if name and surname and street else None,
                partition,
                offset,
            )
        odd = _indexes_with_nul(values) | read.rejects.keys()
        for number in odd:
            rows.pop(number, None)
            with contextlib.suppress(Reject):
                rows[number] = decode_transaction(values[number], topic, *places[number])
        in_order = [rows[number] for number in sorted(rows)] if odd else [*rows.values()]
        return in_order, len(values) - len(rows)


def decode_transaction(value: bytes | None, topic: str, partition: int, offset: int) -> TransactionRow:
    """Return the row of a message; a field that is missing or invalid is None.

    Raises:
        Reject: it is not a transaction; the scorer rejects it too.
    """
    transaction_id, data = open_envelope(value)
    return (
        transaction_id or record_id(topic, partition, offset),
        _time(data.get("transaction_time")),
        _number(data),
        _text(data, "cat_id"),
        _text(data, "merch"),
        _text(data, "us_state"),
        _text(data, "one_city"),
        _customer(data),
        partition,
        offset,
    )


def _indexes_with_nul(values: Sequence[bytes | None]) -> set[int]:
    """Return the indexes of messages with an escaped NUL, which PostgreSQL cannot store."""
    if b"\\" not in b"".join(filter(None, values)):
        return set()
    return {place for place, value in enumerate(values) if value and b"\\u0000" in value}


def _customer(data: Mapping[str, Any]) -> str | None:
    return _short((customer_of(data) or "").replace("\0", "")) or None


def _short(customer: str) -> str | None:
    return customer if len(customer) <= _CUSTOMER_MAX_CHARACTERS else None


def _time(value: Any) -> datetime | None:
    """Return a time; the contract's format is parsed by the standard library, which is faster."""
    if type(value) is not str:
        return None
    if len(value) in _TIME_LENGTHS:
        try:
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo is None else moment.replace(tzinfo=None)
        except ValueError:
            pass
    with contextlib.suppress(BadValue):
        return read_time(value).time
    return None


def _number(data: Mapping[str, Any]) -> float | None:
    number = _picked("amount", data)
    return number if type(number) is float and math.isfinite(number) else None


def _text(data: Mapping[str, Any], field: str) -> str | None:
    value = _picked(field, data)
    return value.replace("\0", "") if type(value) is str else None


def _picked(field: str, data: Mapping[str, Any]) -> float | str | None:
    """Return a field as the scorer reads it, None if it is invalid."""
    with contextlib.suppress(Reject):
        return pick_field(field, data, decimal_mark(data), [])
    return None
