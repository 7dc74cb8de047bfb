"""One customer in a partition's changelog: their events, and the records that erase them. Pure.

A record holds the events of a batch, of several customers. So tombstones alone do not erase a customer: records shared
with others are rewritten without them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from xxhash import xxh3_64_intdigest

from services.scorer.history.changelog import (
    DEFINITIONS_KEY,
    KEY,
    SUMS_KEY,
    Record,
    Table,
    key_of,
    newest_records,
    sums_type,
    transaction_type,
)
from services.scorer.history.numbers import PastNumbers

Records = Sequence[tuple[bytes, bytes | None]]
"""(key, value) in the order of offsets; the last one of a key is valid."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The history of a customer: single transactions, and the number of older ones that are only in sums."""

    transactions: list[dict[str, object]]
    summed_up: int


def hash_of(customer: str) -> int:
    """Return the 64-bit hash of a customer's key in the history."""
    return xxh3_64_intdigest(customer.encode())


def remembered(records: Records, customer: int, numbers: PastNumbers) -> Remembered:
    """Return the history of a customer in a partition's changelog, by event time."""
    transactions, summed_up = [], 0
    for key, value in _of_customers(records):
        if len(key) == SUMS_KEY.itemsize:
            if _customer_of(key) == customer:
                summed_up = int(np.frombuffer(value, sums_type(numbers))["count"][0])
            continue
        table = np.frombuffer(value, transaction_type(numbers))
        for event in table[table["customer"] == customer]:
            moment = datetime.fromtimestamp(int(event["seconds"]), UTC).replace(tzinfo=None)
            stored = {name: float(str(event[f"value {name}"])) for name in numbers.stored}  # the shortest decimals
            transactions.append({"event_time": moment.isoformat(sep=" "), **stored})
    return Remembered(sorted(transactions, key=lambda transaction: str(transaction["event_time"])), summed_up)


def records_without(records: Records, customer: int, numbers: PastNumbers) -> list[Record]:
    """Return the records that erase a customer from a partition's changelog; none if it holds nothing of theirs.

    A key contains the hash of one customer, so events of others under such a key are moved to a key of their own.
    """
    changes: list[Record] = []
    for key, value in _of_customers(records):
        is_own = _customer_of(key) == customer
        if len(key) == SUMS_KEY.itemsize:
            if is_own:
                changes.append({"key": key, "value": None})
            continue
        table = np.frombuffer(value, transaction_type(numbers))
        others = table[table["customer"] != customer]
        if is_own:
            changes.append({"key": key, "value": None})
            if len(others):
                changes.append(_record(key_of(others), others))
        elif len(others) < len(table):
            changes.append(_record(key, others))
    return changes


def _record(key: bytes, table: Table) -> Record:
    return {"key": key, "value": table.tobytes() or None}


def _of_customers(records: Records) -> list[tuple[bytes, bytes]]:
    """Return (key, value) of the newest record of each key of a customer."""
    return [(key, value) for key, value in newest_records(records).items() if key != DEFINITIONS_KEY]


def _customer_of(key: bytes) -> int:
    """Return the customer's hash, with which both kinds of keys begin."""
    kind = SUMS_KEY if len(key) == SUMS_KEY.itemsize else KEY
    return int(np.frombuffer(key, kind)["customer"][0])
