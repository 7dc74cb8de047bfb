"""One customer in a partition's changelog: what it holds of them, and the records that take them out. Pure.

Payments that were remembered together are one record, whoever paid. So a customer is not taken out by tombstones alone:
records they share with others are written anew without them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from xxhash import xxh3_64_intdigest

from services.scorer.history.changelog import KEY, SUMS, SUMS_KEY, TRANSACTION, Record, Table, key_of

Records = Sequence[tuple[bytes, bytes | None]]
"""(key, value) in the order of offsets; the last of a key counts."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the scorer remembers of a customer: payments one by one, and how many older ones as sums alone."""

    payments: list[dict[str, object]]
    summed_up: int


def hash_of(customer: str) -> int:
    """Return the 64-bit hash under which the scorer knows a customer (`name_1|name_2|street`)."""
    return xxh3_64_intdigest(customer.encode())


def remembered(records: Records, customer: int) -> Remembered:
    """Return what a partition's changelog holds of a customer, by event time."""
    payments, summed_up = [], 0
    for key, value in _newest(records).items():
        if len(key) == SUMS_KEY.itemsize:
            if _customer_of(key) == customer:
                summed_up = int(np.frombuffer(value, SUMS)["count"][0])
            continue
        table = np.frombuffer(value, TRANSACTION)
        for payment in table[table["customer"] == customer]:
            moment = datetime.fromtimestamp(int(payment["seconds"]), UTC).replace(tzinfo=None)
            payments.append({"event_time": moment.isoformat(sep=" "), "amount": round(float(payment["amount"]), 2)})
    return Remembered(sorted(payments, key=lambda payment: str(payment["event_time"])), summed_up)


def records_without(records: Records, customer: int) -> list[Record]:
    """Return the records that take a customer out of a partition's changelog; none if it holds nothing of them.

    A key tells a customer's hash too, so what others paid is moved from such a key to that of its own first payment.
    """
    changes: list[Record] = []
    for key, value in _newest(records).items():
        theirs = _customer_of(key) == customer
        if len(key) == SUMS_KEY.itemsize:
            if theirs:
                changes.append({"key": key, "value": None})
            continue
        table = np.frombuffer(value, TRANSACTION)
        others = table[table["customer"] != customer]
        if theirs:
            changes.append({"key": key, "value": None})
            if len(others):
                changes.append(_record(key_of(others), others))
        elif len(others) < len(table):
            changes.append(_record(key, others))
    return changes


def _record(key: bytes, table: Table) -> Record:
    return {"key": key, "value": table.tobytes() or None}


def _newest(records: Records) -> dict[bytes, bytes]:
    newest: dict[bytes, bytes] = {}
    for key, value in records:
        newest.pop(key, None)
        if value is not None:
            newest[key] = value
    return newest


def _customer_of(key: bytes) -> int:
    """Return whom a key is of; both kinds of keys begin with the customer's hash."""
    kind = SUMS_KEY if len(key) == SUMS_KEY.itemsize else KEY
    return int(np.frombuffer(key, kind)["customer"][0])
