"""The history's changelog: what a batch changed as records of `scorer.history`, and records back to a history.

Pure: knows no Kafka client. Two kinds of records, told apart by the length of their keys:

- payments of a partition that were remembered together; the key is that of the first of them (customer, sequence);
- what the forgotten payments of a customer came to, and up to where they reached; the key is the customer.

The topic is compacted, but payments that were forgotten stay in the records they came in. So a restore also tells
which records to write anew, because less than half of what they hold still counts.
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
PAYMENT = np.dtype(
    [("customer", "<u8"), ("sequence", "<u4"), ("seconds", "<u4"), ("amount", "<f4"), ("id", "<u8"), ("risk", "<f4")]
)
SUMS_KEY = np.dtype([("customer", "<u8")])
SUMS = np.dtype([("count", "<u8"), ("seconds", "<u4"), ("sequence", "<u4")] + [(name, "<f8") for name in RUNNING])

MOST_TOGETHER = 16_384
"""Payments of a record: half of the megabyte that a broker takes by default."""

Record = dict[str, bytes | None]
"""{"key": …, "value": …}, the form produce_batch takes; without a value it is a tombstone."""

Table = NDArray[np.void]
"""A structured array of PAYMENT."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A partition's history as its changelog tells it, and the records that are to be written anew."""

    history: History
    rewrites: list[Record]


def to_records(events: Events, sequences: Rows, forgotten: Iterable[Evicted]) -> list[Record]:
    """Return the records of newly remembered payments (n of them, sequences int64 [n]) and of what was forgotten."""
    table = np.empty(len(events), PAYMENT)
    table["customer"], table["sequence"], table["seconds"] = events.customers, sequences, events.seconds
    table["amount"], table["id"], table["risk"] = events.amounts, events.ids, events.risks
    parts = [table[start : start + MOST_TOGETHER] for start in range(0, len(table), MOST_TOGETHER)]
    records: list[Record] = [{"key": key_of(part), "value": part.tobytes()} for part in parts]
    return records + [_sums_record(lost) for lost in forgotten]


def from_records(records: Sequence[tuple[bytes, bytes | None]]) -> Restored:
    """Return the history told by (key, value) of a partition in the order of offsets; the last of a key counts.

    Raises:
        Stop: a record is of another kind than those above.
    """
    newest: dict[bytes, bytes] = {}
    for key, value in records:
        if value is None:
            newest.pop(key, None)
        else:
            newest[key] = value
    sums = {key: value for key, value in newest.items() if len(key) == SUMS_KEY.itemsize}
    payments = {key: value for key, value in newest.items() if len(key) != SUMS_KEY.itemsize}
    _check(payments, sums)
    forgotten = _read_sums(sums)
    table = np.frombuffer(b"".join(payments.values()), PAYMENT)
    counts = _counts(table, forgotten)
    rewrites = _rewrites(payments, table, counts)

    table = table[counts]
    table = table[np.lexsort((table["sequence"], table["seconds"], table["customer"]))]
    seconds, sequences = table["seconds"].astype(np.int64), table["sequence"].astype(np.int64)
    events = Events(table["customer"], seconds, table["amount"], table["id"], table["risk"])
    return Restored(History.restored(events, sequences, forgotten), rewrites)


def key_of(table: Table) -> bytes:
    """Return the key of a record that holds these payments: its first one."""
    key = np.empty(1, KEY)
    key["customer"], key["sequence"] = table["customer"][:1], table["sequence"][:1]
    return key.tobytes()


def _sums_record(lost: Evicted) -> Record:
    key, value = np.empty(1, SUMS_KEY), np.empty(1, SUMS)
    key["customer"] = lost.customer
    value["count"], value["seconds"], value["sequence"] = lost.count, lost.seconds, lost.sequence
    for name, total in lost.sums.items():
        value[name] = total
    return {"key": key.tobytes(), "value": value.tobytes()}


def _check(payments: Mapping[bytes, bytes], sums: Mapping[bytes, bytes]) -> None:
    sound = all(len(key) == KEY.itemsize and len(value) % PAYMENT.itemsize == 0 for key, value in payments.items())
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


def _counts(table: Table, forgotten: list[Evicted]) -> NDArray[np.bool_]:
    """Return which payments still count, bool [n]: those that lie behind all that was forgotten of their customer."""
    customers = np.array([lost.customer for lost in forgotten], np.uint64)
    order = np.argsort(customers)
    if not len(order):
        return np.ones(len(table), np.bool_)
    place = order[np.minimum(np.searchsorted(customers, table["customer"], sorter=order), len(order) - 1)]
    seconds = np.array([lost.seconds for lost in forgotten], np.int64)[place]
    sequences = np.array([lost.sequence for lost in forgotten], np.int64)[place]
    behind = (table["seconds"] > seconds) | ((table["seconds"] == seconds) & (table["sequence"] > sequences))
    counts: NDArray[np.bool_] = behind | (customers[place] != table["customer"])
    return counts


def _rewrites(payments: Mapping[bytes, bytes], table: Table, counts: NDArray[np.bool_]) -> list[Record]:
    """Return, under their old keys, the records less than half of which counts: what counts, or a tombstone."""
    lengths = np.array([len(value) // PAYMENT.itemsize for value in payments.values()], np.int64)
    ends = np.cumsum(lengths)
    left = np.diff(np.append(0, np.cumsum(counts))[ends], prepend=0) if len(ends) else lengths
    return [
        {"key": key, "value": table[start:end][counts[start:end]].tobytes() or None}
        for key, start, end, few in zip(payments, ends - lengths, ends, 2 * left < lengths, strict=True)
        if few
    ]
