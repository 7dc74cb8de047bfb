"""The changelog of the history: changes of a batch to records of `scorer.history`, and records to a history.

There are three kinds of records, distinguished by the length of their keys:

- transactions of a partition that were stored together; the key is (customer, sequence) of the first of them;
- what a customer's evicted transactions carried on, and how far these reach; the key is the customer;
- which numbers the other records hold; the key is DEFINITIONS_KEY. Written with the first batch of a partition.

The topic is compacted by key, so evicted transactions stay in the records they were written with. Therefore a restore
also returns the records to rewrite: those of which less than half is still in the history.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from services.common.errors import Stop
from services.scorer.history.events import Events, Evicted, Rows
from services.scorer.history.history import History
from services.scorer.history.numbers import PastNumbers

KEY = np.dtype([("customer", "<u8"), ("sequence", "<u4")])
SUMS_KEY = np.dtype([("customer", "<u8")])
DEFINITIONS_KEY = b"numbers"
"""Key of the record of which numbers the others hold."""

BEFORE_CONTRACTS = (("amount", "risk"), ("sum amount", "sum night", "sum risk"))
"""What is stored and carried by records without definitions: version 0.1 had one family of models."""

ANOTHER_HISTORY = (
    "use the model it was stored for, or start a new history with `make topics ARGS='--new-history --rescore'`,"
    " see docs/models.md"
)

MOST_TRANSACTIONS = 16_384
"""Transactions of a record: about half of the megabyte that a broker accepts by default."""

Record = dict[str, bytes | None]
"""{"key": …, "value": …}, the form that produce_batch() takes; a value of None is a tombstone."""

Table = NDArray[np.void]
"""A structured array of transaction_type()."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A partition's history, read from its changelog, and the records to write with the next batches."""

    history: History
    rewrites: list[Record]


def transaction_type(numbers: PastNumbers) -> np.dtype[np.void]:
    """Return the type of a transaction in a record."""
    values = [(f"value {name}", "<f4") for name in numbers.stored]
    # The id lies behind the first number, where it lay before there were contracts: older records are read as they are.
    return np.dtype(
        [("customer", "<u8"), ("sequence", "<u4"), ("seconds", "<u4"), *values[:1], ("id", "<u8"), *values[1:]]
    )


def sums_type(numbers: PastNumbers) -> np.dtype[np.void]:
    """Return the type of the record of a customer's evicted transactions."""
    return np.dtype(
        [("count", "<u8"), ("seconds", "<u4"), ("sequence", "<u4"), *((name, "<f8") for name in numbers.carried)]
    )


def definitions_record(numbers: PastNumbers) -> Record:
    """Return the record of which numbers the others hold."""
    return {"key": DEFINITIONS_KEY, "value": orjson.dumps(numbers.layout)}


def to_records(numbers: PastNumbers, events: Events, sequences: Rows, evicted: Iterable[Evicted]) -> list[Record]:
    """Return the records of n stored transactions (sequences int64 [n]) and of what was evicted for them."""
    table = np.empty(len(events), transaction_type(numbers))
    table["customer"], table["sequence"], table["seconds"] = events.customers, sequences, events.seconds
    table["id"] = events.ids
    for name, values in zip(numbers.stored, events.numbers, strict=True):
        table[f"value {name}"] = values
    parts = [table[start : start + MOST_TRANSACTIONS] for start in range(0, len(table), MOST_TRANSACTIONS)]
    records: list[Record] = [{"key": key_of(part), "value": part.tobytes()} for part in parts]
    return records + [_sums_record(numbers, one) for one in evicted]


def from_records(numbers: PastNumbers, records: Sequence[tuple[bytes, bytes | None]]) -> Restored:
    """Return the history of a partition from (key, value) in the order of offsets; the last value of a key counts.

    Raises:
        Stop: a record is of no kind, or the records hold other numbers.
    """
    newest = newest_records(records)
    written = newest.pop(DEFINITIONS_KEY, None)
    _agree(written, numbers, is_empty=not newest)
    rewrites = [] if written else [definitions_record(numbers)]
    sums = {key: value for key, value in newest.items() if len(key) == SUMS_KEY.itemsize}
    stored = {key: value for key, value in newest.items() if len(key) != SUMS_KEY.itemsize}
    _check(numbers, stored, sums)
    evicted = _read_sums(numbers, sums)
    table = np.frombuffer(b"".join(stored.values()), transaction_type(numbers))
    live = _are_live(table, evicted)
    rewrites += _rewrites(stored, table, live)

    table = table[live]
    table = table[np.lexsort((table["sequence"], table["seconds"], table["customer"]))]
    seconds, sequences = table["seconds"].astype(np.int64), table["sequence"].astype(np.int64)
    values = np.array([table[f"value {name}"] for name in numbers.stored], np.float32)
    events = Events(table["customer"], seconds, table["id"], values.reshape(len(numbers.stored), len(table)))
    return Restored(History.restored(numbers, events, sequences, evicted), rewrites)


def newest_records(records: Iterable[tuple[bytes, bytes | None]]) -> dict[bytes, bytes]:
    """Return key -> value of the newest record of each key, in the order of their offsets: what compaction leaves."""
    newest: dict[bytes, bytes] = {}
    for key, value in records:
        newest.pop(key, None)
        if value is not None:
            newest[key] = value
    return newest


def key_of(table: Table) -> bytes:
    """Return the key of a record of these transactions: that of the first one."""
    key = np.empty(1, KEY)
    key["customer"], key["sequence"] = table["customer"][:1], table["sequence"][:1]
    return key.tobytes()


def _agree(written: bytes | None, numbers: PastNumbers, *, is_empty: bool) -> None:
    """Check that a partition's records hold these numbers, defined so."""
    if written is None:
        if not is_empty and (numbers.stored, numbers.carried) != BEFORE_CONTRACTS:
            raise Stop(f"the history was stored before there were contracts, for cards: {ANOTHER_HISTORY}")
        return
    try:
        found = orjson.loads(written)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Stop(f"the history does not say which numbers it holds: {ANOTHER_HISTORY}")
    if differing := [name for name in sorted(found | numbers.layout) if found.get(name) != numbers.layout.get(name)]:
        raise Stop(f"the history was stored by another contract, which differs in {differing[0]}: {ANOTHER_HISTORY}")


def _sums_record(numbers: PastNumbers, evicted: Evicted) -> Record:
    key, value = np.empty(1, SUMS_KEY), np.empty(1, sums_type(numbers))
    key["customer"] = evicted.customer
    value["count"], value["seconds"], value["sequence"] = evicted.count, evicted.seconds, evicted.sequence
    for name, total in evicted.carried.items():
        value[name] = total
    return {"key": key.tobytes(), "value": value.tobytes()}


def _check(numbers: PastNumbers, stored: Mapping[bytes, bytes], sums: Mapping[bytes, bytes]) -> None:
    size, size_of_sums = transaction_type(numbers).itemsize, sums_type(numbers).itemsize
    sound = all(len(key) == KEY.itemsize and len(value) % size == 0 for key, value in stored.items())
    if not sound or any(len(value) != size_of_sums for value in sums.values()):
        raise Stop("the history's topic holds records this version does not know, see docs/operations.md")


def _read_sums(numbers: PastNumbers, sums: Mapping[bytes, bytes]) -> list[Evicted]:
    customers = np.frombuffer(b"".join(sums), SUMS_KEY)["customer"].tolist()
    return [
        Evicted(
            customer,
            int(row["count"]),
            int(row["seconds"]),
            int(row["sequence"]),
            {name: float(row[name]) for name in numbers.carried},
        )
        for customer, row in zip(customers, np.frombuffer(b"".join(sums.values()), sums_type(numbers)), strict=True)
    ]


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
    lengths = np.array([len(value) // table.itemsize for value in stored.values()], np.int64)
    ends = np.cumsum(lengths)
    left = np.diff(np.append(0, np.cumsum(live))[ends], prepend=0) if len(ends) else lengths
    return [
        {"key": key, "value": table[start:end][live[start:end]].tobytes() or None}
        for key, start, end, few in zip(stored, ends - lengths, ends, 2 * left < lengths, strict=True)
        if few
    ]
