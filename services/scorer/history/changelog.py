"""The changelog of the history: changes of a batch to records of `scorer.history`, and records to a history.

There are two kinds of records, distinguished by the length of their keys:

- transactions of a partition that were stored together; the key is (customer, sequence) of the first of them;
- the sums of a customer's evicted transactions, and how far these reach; the key is the customer.

The topic is compacted by key, so evicted transactions stay in the records they were written with. Therefore a restore
also returns the records to rewrite: those of which less than half is still in the history.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.errors import Stop
from services.scorer.history.events import RUNNING, Events, Evicted, Rows
from services.scorer.history.history import History

KEY = np.dtype([("customer", "<u8"), ("sequence", "<u4")])
TRANSACTION = np.dtype(
    [("customer", "<u8"), ("sequence", "<u4"), ("seconds", "<u4"), ("amount", "<f4"), ("id", "<u8"), ("risk", "<f4")]
)
SUMS_KEY = np.dtype([("customer", "<u8")])
SUMS = np.dtype([("count", "<u8"), ("seconds", "<u4"), ("sequence", "<u4")] + [(name, "<f8") for name in RUNNING])

MOST_TRANSACTIONS = 16_384
"""Transactions of a record: about half of the megabyte that a broker accepts by default."""

Record = dict[str, bytes | None]
"""{"key": …, "value": …}, the form that produce_batch() takes; a value of None is a tombstone."""

Table = NDArray[np.void]
"""A structured array of TRANSACTION."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A partition's history, read from its changelog, and the records to rewrite."""

    history: History
    rewrites: list[Record]


def to_records(events: Events, sequences: Rows, evicted: Iterable[Evicted]) -> list[Record]:
    """Return the records of n stored transactions (sequences int64 [n]) and of what was evicted for them."""
    table = np.empty(len(events), TRANSACTION)
    table["customer"], table["sequence"], table["seconds"] = events.customers, sequences, events.seconds
    table["amount"], table["id"], table["risk"] = events.amounts, events.ids, events.risks
    parts = [table[start : start + MOST_TRANSACTIONS] for start in range(0, len(table), MOST_TRANSACTIONS)]
    records: list[Record] = [{"key": key_of(part), "value": part.tobytes()} for part in parts]
    return records + [_sums_record(one) for one in evicted]


def from_records(records: Sequence[tuple[bytes, bytes | None]]) -> Restored:
    """Return the history of a partition from (key, value) in the order of offsets; the last value of a key counts.

    Raises:
        Stop: a record is of neither kind.
    """
    newest: dict[bytes, bytes] = {}
    for key, value in records:
        if value is None:
            newest.pop(key, None)
        else:
            newest[key] = value
    sums = {key: value for key, value in newest.items() if len(key) == SUMS_KEY.itemsize}
    stored = {key: value for key, value in newest.items() if len(key) != SUMS_KEY.itemsize}
    _check(stored, sums)
    evicted = _read_sums(sums)
    table = np.frombuffer(b"".join(stored.values()), TRANSACTION)
    live = _are_live(table, evicted)
    rewrites = _rewrites(stored, table, live)

    table = table[live]
    table = table[np.lexsort((table["sequence"], table["seconds"], table["customer"]))]
    seconds, sequences = table["seconds"].astype(np.int64), table["sequence"].astype(np.int64)
    events = Events(table["customer"], seconds, table["amount"], table["id"], table["risk"])
    return Restored(History.restored(events, sequences, evicted), rewrites)


def key_of(table: Table) -> bytes:
    """Return the key of a record of these transactions: that of the first one."""
    key = np.empty(1, KEY)
    key["customer"], key["sequence"] = table["customer"][:1], table["sequence"][:1]
    return key.tobytes()


def _sums_record(evicted: Evicted) -> Record:
    key, value = np.empty(1, SUMS_KEY), np.empty(1, SUMS)
    key["customer"] = evicted.customer
    value["count"], value["seconds"], value["sequence"] = evicted.count, evicted.seconds, evicted.sequence
    for name, total in evicted.sums.items():
        value[name] = total
    return {"key": key.tobytes(), "value": value.tobytes()}


def _check(stored: Mapping[bytes, bytes], sums: Mapping[bytes, bytes]) -> None:
    sound = all(len(key) == KEY.itemsize and len(value) % TRANSACTION.itemsize == 0 for key, value in stored.items())
    if not sound or any(len(value) != SUMS.itemsize for value in sums.values()):
        raise Stop("the history's topic holds records this version does not know, see docs/operations.md")


def _read_sums(sums: Mapping[bytes, bytes]) -> list[Evicted]:
    customers = np.frombuffer(b"".join(sums), SUMS_KEY)["customer"].tolist()
    return [
        Evicted(customer, int(row["count"]), int(row["seconds"]), int(row["sequence"]), _sums_of(row))
        for customer, row in zip(customers, np.frombuffer(b"".join(sums.values()), SUMS), strict=True)
    ]


def _sums_of(row: Any) -> dict[str, float]:
    return {name: float(row[name]) for name in RUNNING}


def _are_live(table: Table, evicted: list[Evicted]) -> NDArray[np.bool_]:
    """Return which transactions are still stored, bool [n]: those behind all that was evicted of their customer."""
    customers = np.array([one.customer for one in evicted], np.uint64)
    order = np.argsort(customers)
    if not len(order):
        return np.ones(len(table), np.bool_)
    place = order[np.minimum(np.searchsorted(customers, table["customer"], sorter=order), len(order) - 1)]
    seconds = np.array([one.seconds for one in evicted], np.int64)[place]
    sequences = np.array([one.sequence for one in evicted], np.int64)[place]
    behind = (table["seconds"] > seconds) | ((table["seconds"] == seconds) & (table["sequence"] > sequences))
    live: NDArray[np.bool_] = behind | (customers[place] != table["customer"])
    return live


def _rewrites(stored: Mapping[bytes, bytes], table: Table, live: NDArray[np.bool_]) -> list[Record]:
    """Return the records less than half of which is live, under their keys: what is live of them, or a tombstone."""
    lengths = np.array([len(value) // TRANSACTION.itemsize for value in stored.values()], np.int64)
    ends = np.cumsum(lengths)
    left = np.diff(np.append(0, np.cumsum(live))[ends], prepend=0) if len(ends) else lengths
    return [
        {"key": key, "value": table[start:end][live[start:end]].tobytes() or None}
        for key, start, end, few in zip(stored, ends - lengths, ends, 2 * left < lengths, strict=True)
        if few
    ]
