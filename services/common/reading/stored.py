"""Decodes messages of `transactions` into rows of the table of that name. Pure.

Lenient: a field that is missing or invalid becomes null, since it is the scorer that rejects transactions.
"""

import contextlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.common.contract.ids import record_id
from services.common.contract.key import key_text
from services.common.contract.model import Contract
from services.common.errors import Reject
from services.common.reading.message import FieldReader, decimal_mark, open_envelope, pick_field
from services.common.reading.values import BadValue, Unit, read_epoch, read_time

TransactionRow = tuple[
    str, datetime | None, float | None, str | None, str | None, str | None, str | None, str | None, int, int
]
"""transaction_id, event_time, amount, category, merchant, state, city, customer, src_partition, src_offset"""

_TIME_LENGTHS = frozenset({len("2019-09-14 02:46"), len("2019-09-14 02:46:00")})
_CUSTOMER_MAX_CHARACTERS = 512
"""Fits an index entry of PostgreSQL (2,704 bytes) at 4 bytes a character, together with the event time."""


class TransactionReader:
    """Decodes many transactions at once, as decode_transaction() does one."""

    def __init__(self, contract: Contract) -> None:
        roles, record = contract.roles, contract.record
        shown = (record.event_time, roles.amount, roles.category, roles.merchant, roles.state, roles.city, *record.key)
        fields = tuple(dict.fromkeys(filter(None, shown)))
        self._contract, self._reader = contract, FieldReader(contract, (), fields)
        nowhere = len(fields)  # of a row's values with a None behind them
        self._unit = _time_unit(contract)
        self._places = [fields.index(field) if field else nowhere for field in shown]

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
            given = (*fields, None)
            time, amount, category, merchant, state, city, *key = [given[place] for place in self._places]
            partition, offset = places[number]
            rows[number] = (
                transaction_id,
                _time(time, self._unit),
                amount if amount is None or math.isfinite(amount) else None,
                category,
                merchant,
                state,
                city,
                _short("|".join(key)) if key and all(key) else None,
                partition,
                offset,
            )
        odd = _indexes_with_nul(values) | read.rejects.keys()
        for number in odd:
            rows.pop(number, None)
            with contextlib.suppress(Reject):
                rows[number] = decode_transaction(values[number], topic, *places[number], self._contract)
        in_order = [rows[number] for number in sorted(rows)] if odd else [*rows.values()]
        return in_order, len(values) - len(rows)


def decode_transaction(
    value: bytes | None, topic: str, partition: int, offset: int, contract: Contract
) -> TransactionRow:
    """Return the row of a message; a field that is missing or invalid is None.

    Raises:
        Reject: it is not a transaction; the scorer rejects it too.
    """
    roles, record = contract.roles, contract.record
    transaction_id, data = open_envelope(value, None, record)
    return (
        transaction_id or record_id(topic, partition, offset),
        _time(_picked(data, record.event_time, contract), _time_unit(contract)),
        _number(data, roles.amount, contract),
        _text(data, roles.category, contract),
        _text(data, roles.merchant, contract),
        _text(data, roles.state, contract),
        _text(data, roles.city, contract),
        _customer(data, contract),
        partition,
        offset,
    )


def _indexes_with_nul(values: Sequence[bytes | None]) -> set[int]:
    """Return the indexes of messages with an escaped NUL, which PostgreSQL cannot store."""
    if b"\\" not in b"".join(filter(None, values)):
        return set()
    return {place for place, value in enumerate(values) if value and b"\\u0000" in value}


def _customer(data: Mapping[str, Any], contract: Contract) -> str | None:
    return _short((key_text(data, contract) or "").replace("\0", "")) or None


def _short(customer: str) -> str | None:
    return customer if len(customer) <= _CUSTOMER_MAX_CHARACTERS else None


def _time_unit(contract: Contract) -> Unit | None:
    """Return the unit of the event time, None if it is text, or there is none."""
    field = contract.record.event_time
    return contract.fields[field].unit if field else None


def _time(value: Any, unit: Unit | None) -> datetime | None:
    """Return a time; the contract's format is parsed by the standard library, which is faster."""
    if value is None:
        return None
    if unit is not None:
        with contextlib.suppress(BadValue):
            return read_epoch(value, unit).time
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


def _number(data: Mapping[str, Any], field: str | None, contract: Contract) -> float | None:
    number = _picked(data, field, contract)
    return number if type(number) is float and math.isfinite(number) else None


def _text(data: Mapping[str, Any], field: str | None, contract: Contract) -> str | None:
    value = _picked(data, field, contract)
    return value.replace("\0", "") if type(value) is str else None


def _picked(data: Mapping[str, Any], field: str | None, contract: Contract) -> float | str | None:
    """Return a field as the scorer reads it, None if it is invalid or the contract has none for this role."""
    with contextlib.suppress(Reject):
        return pick_field(field, contract.fields[field], data, decimal_mark(data, contract), []) if field else None
    return None
