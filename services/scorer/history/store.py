"""All customers' events in shared columns: each customer has a block of them, and a larger one when it is full."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scorer.history.allocator import BuddyAllocator
from services.scorer.history.events import Events, Evicted, Rows, concatenated_ranges, groups, ranks, running_sums
from services.scorer.history.numbers import PastNumbers

MOST_EVENTS = 1_024
"""Events stored of a customer. One more evicts the older half, which stays only in the running sums."""

FIRST_CAPACITY = 8
LOAD_CHUNK = 200_000
"""Events summed up at once by a load: bounds the memory that takes."""

NO_PARTITION = -1
"""The partition of a free row."""

_GROWTH = 1.25
_PARTITION_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 by the golden ratio (Knuth, The Art of Computer Programming, 6.4): spreads neighbouring partitions far apart."""

_EVENT_COLUMNS = {"seconds": np.uint32, "id": np.uint64, "sequence": np.uint32}
_CUSTOMER_COLUMNS = {
    "customer": np.uint64,
    "partition": np.int32,
    "start": np.int64,
    "length": np.int64,
    "capacity": np.int64,
    "evicted": np.int64,
}
_NOTHING_CARRIED = {"sum": 0.0, "min": np.inf, "max": -np.inf}
"""What a customer without evicted events has, by the first word of a name of PastNumbers.carried."""


class EventStore:
    """The events of all customers, ordered by event time within a customer. A customer is addressed by its row.

    Attributes:
        numbers: which numbers are kept.
        customers: columns by row: hash and partition of the customer, start, length and capacity of its block, how many
            of its events were evicted and what of these is carried on, by the names of PastNumbers.carried.
        events: the columns that the blocks divide. "value …" is a stored number, "sum …" a running sum up to and
            including an event, evicted ones included.
    """

    def __init__(self, numbers: PastNumbers) -> None:
        self.numbers = numbers
        self.customers: dict[str, NDArray[Any]] = {name: np.zeros(64, kind) for name, kind in _CUSTOMER_COLUMNS.items()}
        self.customers |= {name: np.zeros(64, np.float64) for name in numbers.carried}
        self.events: dict[str, NDArray[Any]] = {name: np.zeros(512, kind) for name, kind in _EVENT_COLUMNS.items()}
        self.events |= {f"value {name}": np.zeros(512, np.float32) for name in numbers.stored}
        self._sums = [f"sum {name}" for name in numbers.summed]
        for name, column in zip(numbers.summed, self._sums, strict=True):
            self.events[column] = np.zeros(512, np.int32 if numbers.numbers[name].is_flag else np.float64)
        self._index = CustomerIndex()
        self._allocator = BuddyAllocator()
        self._evicted: dict[int, list[Evicted]] = {}

    def __len__(self) -> int:
        return len(self._index)

    @property
    def nbytes(self) -> int:
        """Bytes of the columns."""
        return sum(column.nbytes for columns in (self.customers, self.events) for column in columns.values())

    def rows_of(self, customers: NDArray[np.uint64], partitions: NDArray[np.int64]) -> Rows:
        """Return the rows of the partitions' customers, int64 [n]; a new customer gets a row and an empty block."""
        keys = _keys(customers, partitions)
        rows = np.array(self._index.find(keys.tolist()), np.int64)
        if (missing := rows < 0).any():
            new, firsts, inverse = np.unique(keys[missing], return_index=True, return_inverse=True)
            capacities = np.full(len(new), FIRST_CAPACITY, np.int64)
            added = self._add_customers(new, customers[missing][firsts], partitions[missing][firsts], capacities)
            rows[missing] = added[inverse]
        return rows

    def is_late(self, rows: Rows, seconds: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which event times lie before everything stored of a customer with evicted events, bool [n].

        What such an event should see is no longer known: it may lie anywhere among the evicted ones.
        """
        oldest = self.events["seconds"][self.customers["start"][rows]]
        late: NDArray[np.bool_] = (self.customers["evicted"][rows] > 0) & (seconds < oldest)
        return late

    def is_duplicate(self, rows: Rows, events: Events) -> NDArray[np.bool_]:
        """Return which events repeat one of the same customer, time and id, stored or earlier in `events`, bool [n].

        Equal rows must be adjacent, in the order of arrival and with event times that do not fall.
        """
        found = np.zeros(len(rows), np.bool_)
        end = self.customers["start"][rows] + self.customers["length"][rows]
        newest = self.events["seconds"].take(end - 1, mode="clip")
        # Nearly every event is newer than all that is stored of its customer and needs no search.
        old = np.flatnonzero((newest >= events.seconds) & (self.customers["length"][rows] > 0))
        if len(old):
            found[old] = self._is_stored(rows[old], events.take(old))
        same = (rows[1:] == rows[:-1]) & (events.seconds[1:] == events.seconds[:-1])
        if same.any():
            at_once = np.flatnonzero(np.append(same, False) | np.append(False, same))
            columns = (events.ids[at_once], events.seconds[at_once], rows[at_once])
            order = np.lexsort(columns)  # stable: the first to arrive stays first and is no duplicate
            found[at_once[order[1:]]] |= np.logical_and.reduce([c[order[1:]] == c[order[:-1]] for c in columns])
        return found

    def exceeds_capacity(self, rows: Rows, new: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which events must wait for an eviction, bool [n].

        From the first new event above MOST_EVENTS on, all of its row: what it sees depends on the eviction.
        """
        lengths = self.customers["length"][rows]
        if int(lengths.max(initial=0)) + len(rows) <= MOST_EVENTS:
            return np.zeros(len(rows), np.bool_)
        firsts, counts = groups(rows)
        up_to = np.cumsum(new, dtype=np.int64)
        more = up_to - np.repeat(up_to[firsts] - new[firsts], counts)
        waits: NDArray[np.bool_] = lengths + more > MOST_EVENTS
        return waits

    def insert(self, rows: Rows, events: Events) -> Rows:
        """Store new events, for which exceeds_capacity() is false, and return their sequence numbers, int64 [n].

        Equal rows must be adjacent, in the order of arrival and with event times that do not fall.
        """
        firsts, counts = groups(rows)
        distinct = rows[firsts]
        full = self.customers["length"][distinct] + counts > self.customers["capacity"][distinct]
        if full.any():
            self._move_to_larger_blocks(distinct[full], counts[full])
        next_sequences = self.customers["evicted"][distinct] + self.customers["length"][distinct]
        sequences = np.repeat(next_sequences, counts) + ranks(firsts, counts)
        last = self.customers["start"][rows] + self.customers["length"][rows] - 1
        newest = self.events["seconds"].take(last, mode="clip")
        out_of_order = (self.customers["length"][rows] > 0) & (events.seconds < newest)
        if not out_of_order.any():
            self._append(rows, events, sequences)
            return sequences
        # Rare, and each shifts what lies behind it: one at a time. Before the others, whose running sums go on from
        # those of the last event stored.
        for place in np.flatnonzero(out_of_order).tolist():
            self._insert_out_of_order(int(rows[place]), events.take(np.array([place])), int(sequences[place]))
        self._append(rows[~out_of_order], events.take(~out_of_order), sequences[~out_of_order])
        return sequences

    def evict_older_half(self, rows: Rows) -> None:
        """Evict the older half of each row's events; the rows are full."""
        for row in np.unique(rows).tolist():
            self._evict(row, MOST_EVENTS // 2)

    def take_evicted(self) -> dict[int, list[Evicted]]:
        """Return partition -> what was evicted since the last call."""
        evicted, self._evicted = self._evicted, {}
        return evicted

    def lower_bound(self, rows: Rows, seconds: NDArray[np.int64]) -> Rows:
        """Return how many events of each row lie strictly before a time, int64 [n]: one binary search for all rows."""
        before_first, lengths = self.customers["start"][rows] - 1, self.customers["length"][rows]
        low, times = np.zeros(len(rows), np.int64), self.events["seconds"]
        step = 1 << int(lengths.max(initial=0)).bit_length() >> 1
        while step:
            probe = low + step
            found = times.take(before_first + probe, mode="clip") < seconds
            found &= probe <= lengths
            low += found * step
            step >>= 1
        return low

    def sums_before(self, rows: Rows, places: Rows) -> NDArray[np.float64]:
        """Return the running sums over all events before a place in each row's block, float64 [len(summed), n]."""
        last, inside = self.customers["start"][rows] + places - 1, places > 0
        sums = [
            np.where(inside, self.events[name].take(last, mode="clip"), self.customers[name][rows])
            for name in self._sums
        ]
        return np.array(sums, np.float64).reshape(len(sums), len(rows))

    def load(self, events: Events, sequences: Rows, evicted: Iterable[Evicted]) -> None:
        """Fill an empty store, as of partition 0, with events ordered by customer, event time and sequence."""
        firsts, counts = groups(events.customers)
        customers = events.customers[firsts]
        partitions = np.zeros(len(customers), np.int64)
        capacities = np.maximum(FIRST_CAPACITY, _powers_of_two(counts))
        added = self._add_customers(_keys(customers, partitions), customers, partitions, capacities)
        for one in evicted:  # before the events: their running sums go on from what was evicted
            [row] = self.rows_of(np.array([one.customer], np.uint64), np.zeros(1, np.int64))
            for name, value in {"evicted": one.count, **one.carried}.items():
                self.customers[name][row] = value
        rows = np.repeat(added, counts)
        for start in range(0, len(rows), LOAD_CHUNK):
            chunk = np.arange(start, min(start + LOAD_CHUNK, len(rows)))
            self._append(rows[chunk], events.take(chunk), sequences[chunk])

    def take_over(self, partition: int, other: "EventStore") -> None:
        """Copy all customers of a loaded store, as those of a partition that has none here yet."""
        old = np.arange(len(other))
        customers, lengths = other.customers["customer"][old], other.customers["length"][old]
        partitions = np.full(len(old), partition, np.int64)
        capacities = other.customers["capacity"][old]
        rows = self._add_customers(_keys(customers, partitions), customers, partitions, capacities)
        for name in ("length", "evicted", *self.numbers.carried):
            self.customers[name][rows] = other.customers[name][old]
        to = concatenated_ranges(self.customers["start"][rows], lengths)
        source = concatenated_ranges(other.customers["start"][old], lengths)
        for name, column in self.events.items():
            column[to] = other.events[name][source]

    def release(self, partition: int) -> None:
        """Remove all customers of a partition; their rows and blocks are free for others."""
        rows = np.flatnonzero(self.customers["partition"][: self._index.end] == partition)
        keys = _keys(self.customers["customer"][rows], self.customers["partition"][rows].astype(np.int64))
        self._free(self.customers["start"][rows], self.customers["capacity"][rows])
        self.customers["length"][rows] = self.customers["evicted"][rows] = 0
        self.customers["partition"][rows] = NO_PARTITION
        self._index.remove(keys.tolist())

    def _add_customers(
        self, keys: NDArray[np.uint64], customers: NDArray[np.uint64], partitions: Rows, capacities: Rows
    ) -> Rows:
        """Give each new customer a row and an empty block; return the rows, int64 [n]."""
        rows = self._index.add(keys.tolist())
        if self._index.end > len(self.customers["start"]):
            _grow(self.customers, self._index.end)
        starts = self._allocate(capacities)
        values = {"customer": customers, "partition": partitions, "start": starts, "capacity": capacities}
        for name, column in values.items():
            self.customers[name][rows] = column
        for name in self.numbers.carried:
            self.customers[name][rows] = _NOTHING_CARRIED[name[:3]]
        return rows

    def _is_stored(self, rows: Rows, events: Events) -> NDArray[np.bool_]:
        """Return which events are in their row's block, bool [n]."""
        end = self.customers["start"][rows] + self.customers["length"][rows]
        at = self.customers["start"][rows] + self.lower_bound(rows, events.seconds)
        found = np.zeros(len(rows), np.bool_)
        while (same := (at < end) & (self.events["seconds"].take(at, mode="clip") == events.seconds)).any():
            found |= same & (self.events["id"].take(at, mode="clip") == events.ids)
            at = np.where(same, at + 1, end)
        return found

    def _append(self, rows: Rows, events: Events, sequences: Rows) -> None:
        """Write events behind the last one of their row, and their running sums."""
        firsts, counts = groups(rows)
        distinct = rows[firsts]
        at = self.customers["start"][rows] + self.customers["length"][rows] + ranks(firsts, counts)
        bases = self.sums_before(distinct, self.customers["length"][distinct])
        for name, values in self._plain(events, sequences).items():
            self.events[name][at] = values
        shares = self.numbers.shares(events.seconds, events.numbers)
        for name, sums in zip(self._sums, running_sums(bases, shares, firsts, counts), strict=True):
            self.events[name][at] = sums
        self.customers["length"][distinct] += counts

    def _insert_out_of_order(self, row: int, event: Events, sequence: int) -> None:
        """Insert one event by its time, behind those of the same time, and repeat the running sums from there on."""
        start, length = int(self.customers["start"][row]), int(self.customers["length"][row])
        times = self.events["seconds"][start : start + length]
        place = int(np.searchsorted(times, event.seconds[0], side="right"))
        base = self.sums_before(np.array([row]), np.array([place]))
        at, end = start + place, start + length
        for name, values in self._plain(event, np.array([sequence])).items():
            column = self.events[name]
            column[at + 1 : end + 1] = column[at:end].copy()  # the two overlap
            column[at] = values[0]
        stored = np.array([self.events[f"value {name}"][at : end + 1] for name in self.numbers.stored], np.float32)
        shares = self.numbers.shares(self.events["seconds"][at : end + 1], stored)
        # One share after the other, as in _append(): the sums have the same bits as if it had come in time.
        sums = running_sums(base, shares, np.array([0]), np.array([shares.shape[1]]))
        for name, column_sums in zip(self._sums, sums, strict=True):
            self.events[name][at : end + 1] = column_sums
        self.customers["length"][row] += 1

    def _evict(self, row: int, count: int) -> None:
        """Evict a row's oldest events: note what they sum up to, then move the others to the start of the block."""
        start, length = int(self.customers["start"][row]), int(self.customers["length"][row])
        newest = start + count - 1
        self.customers["evicted"][row] += count
        for name in self.numbers.carried:
            self.customers[name][row] = self._carry(name, row, slice(start, start + count))
        self._evicted.setdefault(int(self.customers["partition"][row]), []).append(
            Evicted(
                customer=int(self.customers["customer"][row]),
                count=int(self.customers["evicted"][row]),
                seconds=int(self.events["seconds"][newest]),
                sequence=int(self.events["sequence"][newest]),
                carried={name: float(self.customers[name][row]) for name in self.numbers.carried},
            )
        )
        for column in self.events.values():
            column[start : start + length - count] = column[start + count : start + length].copy()
        self.customers["length"][row] = length - count

    def _carry(self, name: str, row: int, evicted: slice) -> float:
        """Return what a row carries on once these events are evicted as well."""
        what, _, number = name.partition(" ")
        if what == "sum":  # the running sum of the newest one covers all that were ever evicted
            return float(self.events[name][evicted.stop - 1])
        extreme = np.fmin if what == "min" else np.fmax  # missing numbers are passed over
        return float(extreme(self.customers[name][row], extreme.reduce(self.events[f"value {number}"][evicted])))

    def _plain(self, events: Events, sequences: Rows) -> dict[str, NDArray[Any]]:
        """Return the columns of events that are no running sums."""
        plain: dict[str, NDArray[Any]] = {"seconds": events.seconds, "id": events.ids, "sequence": sequences}
        return plain | {f"value {name}": row for name, row in zip(self.numbers.stored, events.numbers, strict=True)}

    def _move_to_larger_blocks(self, rows: Rows, counts: Rows) -> None:
        """Move each row's events to a block with room for `counts` more."""
        starts, lengths, capacities = (self.customers[name][rows] for name in ("start", "length", "capacity"))
        larger = _powers_of_two(lengths + counts)
        to = self._allocate(larger)
        source, target = concatenated_ranges(starts, lengths), concatenated_ranges(to, lengths)
        for column in self.events.values():
            column[target] = column[source]
        self.customers["start"][rows], self.customers["capacity"][rows] = to, larger
        self._free(starts, capacities)

    def _allocate(self, capacities: Rows) -> Rows:
        """Return the starts of free blocks of these lengths, int64 [n]."""
        starts = self._allocator.take_many(capacities)
        if self._allocator.end > len(self.events["seconds"]):
            _grow(self.events, self._allocator.end)
        return starts

    def _free(self, starts: Rows, capacities: Rows) -> None:
        for start, capacity in zip(starts.tolist(), capacities.tolist(), strict=True):
            self._allocator.give_back(start, capacity)


class CustomerIndex:
    """Keys of customers and their rows. The row of a removed key is used again."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def end(self) -> int:
        """The first row that was never used."""
        return len(self._rows) + len(self._free)

    def find(self, keys: Sequence[int]) -> list[int]:
        """Return the row of each key, -1 for an unknown one."""
        get = self._rows.get
        return [get(key, -1) for key in keys]

    def add(self, keys: Sequence[int]) -> Rows:
        """Return a row for each key, int64 [n]; the keys are new and distinct."""
        first = self.end
        reused = [self._free.pop() for _ in range(min(len(keys), len(self._free)))]
        rows = reused + list(range(first, first + len(keys) - len(reused)))
        self._rows.update(zip(keys, rows, strict=True))
        return np.array(rows, np.int64)

    def remove(self, keys: Iterable[int]) -> None:
        """Free the rows of these keys."""
        self._free += [self._rows.pop(key) for key in keys]


def _keys(customers: NDArray[np.uint64], partitions: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a key for each customer of a partition, uint64 [n]; the same hash in another partition has another key."""
    return customers ^ (partitions.astype(np.uint64) * _PARTITION_SPREAD)


def _powers_of_two(counts: Rows) -> Rows:
    """Return the smallest power of two not below each count, int64 [n]; the counts are at most 2^52."""
    return 1 << np.ceil(np.log2(np.maximum(counts, 1))).astype(np.int64)


def _grow(columns: dict[str, NDArray[Any]], needed: int) -> None:
    """Lengthen the columns to at least `needed`, by a quarter at a time: doubling would waste up to half of them."""
    for name, column in columns.items():
        longer = np.zeros(max(needed, int(len(column) * _GROWTH)), column.dtype)
        longer[: len(column)] = column
        columns[name] = longer
