"""Takes events in: gives each customer a stretch of the shared columns, a longer one when it is full. Pure numpy."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scorer.history.allocator import BuddyAllocator
from services.scorer.history.events import RUNNING, Events, Evicted, Rows, groups, own_shares, ranks, running_sums

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 by the golden ratio (Knuth, The Art of Computer Programming, 6.4): neighbouring partitions end far apart."""


def names_of(customers: NDArray[np.uint64], partitions: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return 64 bits for each customer of a partition, uint64 [n]: the same customer of another partition is another.

    Args:
        customers: 64-bit hashes, uint64 [n].
        partitions: int64 [n].
    """
    return customers ^ (partitions.astype(np.uint64) * _SPREAD)


class CustomerIndex:
    """Names and their rows. A row that is given back is given to somebody else."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def end(self) -> int:
        """The first row that nobody ever had."""
        return len(self._rows) + len(self._free)

    def find(self, names: Sequence[int]) -> list[int]:
        """Return the row of each name, -1 for those that have none."""
        get = self._rows.get
        return [get(name, -1) for name in names]

    def add(self, names: Sequence[int]) -> Rows:
        """Return a row for each name, int64 [n]; the names are new and each stands there once."""
        first = self.end
        reused = [self._free.pop() for _ in range(min(len(names), len(self._free)))]
        rows = reused + list(range(first, first + len(names) - len(reused)))
        self._rows.update(zip(names, rows, strict=True))
        return np.array(rows, np.int64)

    def remove(self, names: Iterable[int]) -> None:
        """Give back the rows of these names."""
        self._free += [self._rows.pop(name) for name in names]


_COLUMNS = {
    "seconds": np.uint32,
    "amount": np.float32,
    "id": np.uint64,
    "sequence": np.uint32,
    "total": np.float64,
    "nights": np.int32,
    "risk": np.float32,
    "risk_total": np.float64,
}
_CUSTOMER_COLUMNS = {
    "customer": np.uint64,
    "partition": np.int32,
    "start": np.int64,
    "length": np.int64,
    "capacity": np.int64,
    "forgotten": np.int64,
    "total": np.float64,
    "nights": np.float64,
    "risk_total": np.float64,
}


class Timelines:
    """All customers' events. A customer is known by a row, a number that stays.

    Attributes:
        of: what is known of each row: whose it is, where its stretch begins, how long it is, how many events were
            forgotten and what they come to, by the names of RUNNING.
        events: the columns that the stretches are of; those of RUNNING are sums up to and with an event, forgotten
            ones included.
    """

    def __init__(self) -> None:
        self.of = {name: np.zeros(64, dtype) for name, dtype in _CUSTOMER_COLUMNS.items()}
        self.events = {name: np.zeros(512, dtype) for name, dtype in _COLUMNS.items()}

    def lower_bound(self, rows: Rows, seconds: NDArray[np.int64]) -> Rows:
        """Return how many events of each row lie strictly before a time, int64 [n]: a binary search of all at once."""
        before_first, lengths = self.of["start"][rows] - 1, self.of["length"][rows]
        low, times = np.zeros(len(rows), np.int64), self.events["seconds"]
        step = 1 << int(lengths.max(initial=0)).bit_length() >> 1
        while step:
            probe = low + step
            found = times.take(before_first + probe, mode="clip") < seconds
            found &= probe <= lengths
            low += found * step
            step >>= 1
        return low

    def before(self, rows: Rows, places: Rows) -> NDArray[np.float64]:
        """Return the running sums over all before a place in each row's stretch, float64 [len(RUNNING), n]."""
        last, inside = self.of["start"][rows] + places - 1, places > 0
        sums = [np.where(inside, self.events[name].take(last, mode="clip"), self.of[name][rows]) for name in RUNNING]
        return np.array(sums, np.float64)

    def is_late(self, rows: Rows, seconds: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which times lie before all that is kept of a customer of whom events were forgotten, bool [n]."""
        return (self.of["forgotten"][rows] > 0) & (seconds < self.events["seconds"][self.of["start"][rows]])

    def known(self, rows: Rows, events: Events) -> NDArray[np.bool_]:
        """Return which events are there already, bool [n]: same customer, event time and id, kept or further up.

        The events of a row stand together, in the order of arrival, and their times do not fall.
        """
        found = np.zeros(len(rows), np.bool_)
        end = self.of["start"][rows] + self.of["length"][rows]
        newest = self.events["seconds"].take(end - 1, mode="clip")
        old = np.flatnonzero((newest >= events.seconds) & (self.of["length"][rows] > 0))
        if len(old):
            found[old] = self._holds(rows[old], events.take(old))
        same = (rows[1:] == rows[:-1]) & (events.seconds[1:] == events.seconds[:-1])
        if same.any():
            at_once = np.flatnonzero(np.append(same, False) | np.append(False, same))
            columns = (events.ids[at_once], events.seconds[at_once], rows[at_once])
            order = np.lexsort(columns)  # stable: what arrived first stays first
            found[at_once[order[1:]]] |= np.logical_and.reduce([c[order[1:]] == c[order[:-1]] for c in columns])
        return found

    def _holds(self, rows: Rows, events: Events) -> NDArray[np.bool_]:
        """Return which events are in their row's stretch, bool [n]."""
        end = self.of["start"][rows] + self.of["length"][rows]
        at = self.of["start"][rows] + self.lower_bound(rows, events.seconds)
        found = np.zeros(len(rows), np.bool_)
        while (same := (at < end) & (self.events["seconds"].take(at, mode="clip") == events.seconds)).any():
            found |= same & (self.events["id"].take(at, mode="clip") == events.ids)
            at = np.where(same, at + 1, end)
        return found


FIRST_CAPACITY = 8
MOST_EVENTS = 1_024
"""Events kept of a customer; when one more comes the older half is forgotten, but for its part in the running sums."""

NOBODY = -1
"""The partition of a row that is free."""

LOADED_AT_ONCE = 200_000
"""Events summed up together when much is loaded: what that takes in memory is bounded."""

_GROWTH = 1.25


class Stretches(Timelines):
    """All customers' events. A customer is known by a row, a number that stays."""

    def __init__(self) -> None:
        super().__init__()
        self._register = CustomerIndex()
        self._forgotten: dict[int, list[Evicted]] = {}
        self._space = BuddyAllocator()

    def __len__(self) -> int:
        return len(self._register)

    @property
    def nbytes(self) -> int:
        """Bytes of the columns."""
        return sum(column.nbytes for columns in (self.of, self.events) for column in columns.values())

    def rows_of(self, customers: NDArray[np.uint64], partitions: NDArray[np.int64]) -> Rows:
        """Return the rows of the partitions' customers, int64 [n]; a new customer gets a row and an empty stretch."""
        names = names_of(customers, partitions)
        rows = np.array(self._register.find(names.tolist()), np.int64)
        if (strange := rows < 0).any():
            new, firsts, places = np.unique(names[strange], return_index=True, return_inverse=True)
            capacities = np.full(len(new), FIRST_CAPACITY, np.int64)
            rows[strange] = self._add(new, customers[strange][firsts], partitions[strange][firsts], capacities)[places]
        return rows

    def insert(self, rows: Rows, events: Events) -> Rows:
        """Take new events in, for which there is room, and return their sequence numbers, int64 [n].

        The events of a row stand together, in the order of arrival, and their times do not fall.
        """
        firsts, counts = groups(rows)
        who = rows[firsts]
        full = self.of["length"][who] + counts > self.of["capacity"][who]
        if full.any():
            self._lengthen(who[full], counts[full])
        sequences = np.repeat(self.of["forgotten"][who] + self.of["length"][who], counts) + ranks(firsts, counts)
        last = self.of["start"][rows] + self.of["length"][rows] - 1
        newest = self.events["seconds"].take(last, mode="clip")
        between = (self.of["length"][rows] > 0) & (events.seconds < newest)
        if not between.any():
            self._append(rows, events, sequences)
            return sequences
        for place in np.flatnonzero(between).tolist():
            self._insert_between(int(rows[place]), events.take(np.array([place])), int(sequences[place]))
        self._append(rows[~between], events.take(~between), sequences[~between])
        return sequences

    def load(self, events: Events, sequences: Rows, forgotten: Iterable[Evicted]) -> None:
        """Take in everything at once, ordered by customer, event time and sequence; there must be nothing yet."""
        firsts, counts = groups(events.customers)
        customers = events.customers[firsts]
        partitions = np.zeros(len(customers), np.int64)
        capacities = np.maximum(FIRST_CAPACITY, _powers_of_two(counts))
        rows = np.repeat(self._add(names_of(customers, partitions), customers, partitions, capacities), counts)
        for lost in forgotten:
            [row] = self.rows_of(np.array([lost.customer], np.uint64), np.zeros(1, np.int64))
            for name, known in {"forgotten": lost.count, **lost.sums}.items():
                self.of[name][row] = known
        for start in range(0, len(rows), LOADED_AT_ONCE):
            some = np.arange(start, min(start + LOADED_AT_ONCE, len(rows)))
            self._append(rows[some], events.take(some), sequences[some])

    def take_over(self, partition: int, other: "Stretches") -> None:
        """Take in the customers of another one, as those of a partition of which there are none yet."""
        old = np.arange(len(other))
        customers, lengths = other.of["customer"][old], other.of["length"][old]
        partitions = np.full(len(old), partition, np.int64)
        rows = self._add(names_of(customers, partitions), customers, partitions, other.of["capacity"][old])
        for name in ("length", "forgotten", *RUNNING):
            self.of[name][rows] = other.of[name][old]
        to, taken = _places(self.of["start"][rows], lengths), _places(other.of["start"][old], lengths)
        for name, column in self.events.items():
            column[to] = other.events[name][taken]

    def give_up(self, partition: int) -> None:
        """Forget all customers of a partition; their space is given to others."""
        rows = np.flatnonzero(self.of["partition"][: self._register.end] == partition)
        names = names_of(self.of["customer"][rows], self.of["partition"][rows].astype(np.int64))
        for start, capacity in zip(self.of["start"][rows].tolist(), self.of["capacity"][rows].tolist(), strict=True):
            self._space.give_back(start, capacity)
        for name in ("length", "forgotten", *RUNNING):
            self.of[name][rows] = 0
        self.of["partition"][rows] = NOBODY
        self._register.remove(names.tolist())

    def exceeds_capacity(self, rows: Rows, new: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which events must wait until older ones of their row are forgotten, bool [n].

        Namely the first new one that would be one too many, and all of its row after it.
        """
        lengths = self.of["length"][rows]
        if int(lengths.max(initial=0)) + len(rows) <= MOST_EVENTS:
            return np.zeros(len(rows), np.bool_)
        firsts, counts = groups(rows)
        up_to = np.cumsum(new, dtype=np.int64)
        more = up_to - np.repeat(up_to[firsts] - new[firsts], counts)
        waits: NDArray[np.bool_] = lengths + more > MOST_EVENTS
        return waits

    def forget(self, rows: Rows) -> None:
        """Forget the older half of each row's events; the rows are full."""
        for row in np.unique(rows).tolist():
            self._forget(row, MOST_EVENTS // 2)

    def take_forgotten(self) -> dict[int, list[Evicted]]:
        """Return partition -> what was forgotten since the last call."""
        forgotten, self._forgotten = self._forgotten, {}
        return forgotten

    def _append(self, rows: Rows, events: Events, sequences: Rows) -> None:
        firsts, counts = groups(rows)
        who = rows[firsts]
        at = self.of["start"][rows] + self.of["length"][rows] + ranks(firsts, counts)
        bases = self.before(who, self.of["length"][who])
        for name, values in _plain(events, sequences).items():
            self.events[name][at] = values
        shares = own_shares(events.seconds, events.amounts, events.risks)
        for name, sums in zip(RUNNING, running_sums(bases, shares, firsts, counts), strict=True):
            self.events[name][at] = sums
        self.of["length"][who] += counts

    def _insert_between(self, row: int, event: Events, sequence: int) -> None:
        """Put one event where its time belongs, after those of the same time, and sum up anew from there on."""
        start, length = int(self.of["start"][row]), int(self.of["length"][row])
        times = self.events["seconds"][start : start + length]
        place = int(np.searchsorted(times, event.seconds[0], side="right"))
        base = self.before(np.array([row]), np.array([place]))
        at, end = start + place, start + length
        for name, values in _plain(event, np.array([sequence])).items():
            column = self.events[name]
            column[at + 1 : end + 1] = column[at:end].copy()
            column[at] = values[0]
        seconds, amounts, risks = (self.events[name][at : end + 1] for name in ("seconds", "amount", "risk"))
        shares = own_shares(seconds, amounts, risks)
        sums = running_sums(base, shares, np.array([0]), np.array([shares.shape[1]]))
        for name, column_sums in zip(RUNNING, sums, strict=True):
            self.events[name][at : end + 1] = column_sums
        self.of["length"][row] += 1

    def _add(
        self, names: NDArray[np.uint64], customers: NDArray[np.uint64], partitions: Rows, capacities: Rows
    ) -> Rows:
        """Give each new customer a row and an empty stretch; return the rows, int64 [n]."""
        rows = self._register.add(names.tolist())
        if self._register.end > len(self.of["start"]):
            _grow(self.of, self._register.end)
        starts = self._allocate(capacities)
        known = {"customer": customers, "partition": partitions, "start": starts, "capacity": capacities}
        for name, values in known.items():
            self.of[name][rows] = values
        return rows

    def _allocate(self, capacities: Rows) -> Rows:
        """Return the starts of stretches that are free now, int64 [n]."""
        starts = self._space.take_many(capacities)
        if self._space.end >= len(self.events["seconds"]):
            _grow(self.events, self._space.end + 1)
        return starts

    def _lengthen(self, rows: Rows, counts: Rows) -> None:
        """Give each row a stretch that has room for so many more events."""
        starts, lengths, capacities = (self.of[name][rows] for name in ("start", "length", "capacity"))
        longer = _powers_of_two(lengths + counts)
        to = self._allocate(longer)
        old, new = _places(starts, lengths), _places(to, lengths)
        for column in self.events.values():
            column[new] = column[old]
        self.of["start"][rows], self.of["capacity"][rows] = to, longer
        for start, capacity in zip(starts.tolist(), capacities.tolist(), strict=True):
            self._space.give_back(start, capacity)

    def _forget(self, row: int, dropped: int) -> None:
        start, length = int(self.of["start"][row]), int(self.of["length"][row])
        newest = start + dropped - 1
        self.of["forgotten"][row] += dropped
        for name in RUNNING:
            self.of[name][row] = self.events[name][newest]
        self._forgotten.setdefault(int(self.of["partition"][row]), []).append(
            Evicted(
                customer=int(self.of["customer"][row]),
                count=int(self.of["forgotten"][row]),
                seconds=int(self.events["seconds"][newest]),
                sequence=int(self.events["sequence"][newest]),
                sums={name: float(self.of[name][row]) for name in RUNNING},
            )
        )
        for column in self.events.values():
            column[start : start + length - dropped] = column[start + dropped : start + length].copy()
        self.of["length"][row] = length - dropped


def _places(starts: Rows, lengths: Rows) -> Rows:
    """Return all places of stretches, one stretch after the other, int64 [sum of lengths]."""
    return np.repeat(starts, lengths) + ranks(np.cumsum(lengths) - lengths, lengths)


def _powers_of_two(counts: Rows) -> Rows:
    """Return the least power of two that is no less than each count, int64 [n]; the counts are at most 2^52."""
    return 1 << np.ceil(np.log2(np.maximum(counts, 1))).astype(np.int64)


def _plain(events: Events, sequences: Rows) -> dict[str, NDArray[Any]]:
    return {
        "seconds": events.seconds,
        "amount": events.amounts,
        "id": events.ids,
        "risk": events.risks,
        "sequence": sequences,
    }


def _grow(columns: dict[str, NDArray[Any]], needed: int) -> None:
    for name, column in columns.items():
        longer = np.zeros(max(needed, int(len(column) * _GROWTH)), column.dtype)
        longer[: len(column)] = column
        columns[name] = longer
