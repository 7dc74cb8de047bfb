"""Where customers' events lie: each customer owns a stretch of shared columns, ordered by event time.

Pure numpy. Knows where events lie, not what is asked of them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scorer.events import RUNNING, Events, Forgotten, Rows, groups, own_share, ranks
from services.scorer.space import Space

FIRST_CAPACITY = 8
MOST_EVENTS = 1_024
"""Events kept of a customer; when they are full the older half is forgotten, but for its part in the running sums."""

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
    "start": np.int64,
    "length": np.int64,
    "capacity": np.int64,
    "forgotten": np.int64,
    "next_sequence": np.int64,
}
_GROWTH = 1.25


class Stretches:
    """All customers' events. A customer is known by a row, a number that stays."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        self._forgotten: list[Forgotten] = []
        self._space = Space()
        self._bases: dict[int, Mapping[str, float]] = {}
        self.of = {name: np.zeros(64, dtype) for name, dtype in _CUSTOMER_COLUMNS.items()}
        self.events = {name: np.zeros(512, dtype) for name, dtype in _COLUMNS.items()}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def nbytes(self) -> int:
        """Bytes of the columns."""
        return sum(column.nbytes for columns in (self.of, self.events) for column in columns.values())

    def rows_of(self, customers: NDArray[np.uint64]) -> Rows:
        """Return the customers' rows, int64 [n]; a new customer gets a row and an empty stretch."""
        get, hashes = self._rows.get, customers.tolist()
        rows = [get(customer, -1) for customer in hashes]
        if -1 in rows:
            rows = [self._row_of(customer) if row < 0 else row for row, customer in zip(rows, hashes, strict=True)]
        return np.array(rows, np.int64)

    def lower_bound(self, rows: Rows, seconds: NDArray[np.int64]) -> Rows:
        """Return how many events of each row lie strictly before a time, int64 [n]: a binary search of all at once."""
        start, times = self.of["start"][rows], self.events["seconds"]
        low, left = np.zeros(len(rows), np.int64), self.of["length"][rows]
        while left.any():
            half = left >> 1
            before = (left > 0) & (times[np.minimum(start + low + half, self._space.end)] < seconds)
            low = np.where(before, low + half + 1, low)
            left = np.where(before, left - half - 1, half)
        return low

    def before(self, name: str, rows: Rows, places: Rows) -> NDArray[np.float64]:
        """Return a running sum over everything before a place in each row's stretch, forgotten events included."""
        start, length = self.of["start"][rows], self.of["length"][rows]
        sums: NDArray[np.float64] = self.events[name][start + np.maximum(places - 1, 0)].astype(np.float64)
        at = start[first := (places == 0)]
        own = (self.events["seconds"][at].astype(np.int64), self.events["amount"][at], self.events["risk"][at])
        sums[first] -= own_share(name, *own)
        sums[length == 0] = 0.0
        for place, row in enumerate(rows.tolist() if self._bases else ()):
            if length[place] == 0 and row in self._bases:
                sums[place] = self._bases[row][name]
        return sums

    def too_late(self, rows: Rows, seconds: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which times lie before all that is kept of a customer of whom events were forgotten, bool [n]."""
        return (self.of["forgotten"][rows] > 0) & (seconds < self.events["seconds"][self.of["start"][rows]])

    def known(self, rows: Rows, events: Events) -> NDArray[np.bool_]:
        """Return which events are there already, bool [n]: same customer, event time and id, kept or further up."""
        end = self.of["start"][rows] + self.of["length"][rows]
        at = self.of["start"][rows] + self.lower_bound(rows, events.seconds)
        found = np.zeros(len(rows), np.bool_)
        while (same := (at < end) & (self.events["seconds"][np.minimum(at, self._space.end)] == events.seconds)).any():
            found |= same & (self.events["id"][np.minimum(at, self._space.end)] == events.ids)
            at = np.where(same, at + 1, end)
        order = np.lexsort((events.ids, events.seconds, rows))  # stable: what arrived first stays first
        columns = (rows[order], events.seconds[order], events.ids[order])
        found[order[1:]] |= np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
        return found

    def insert(self, rows: Rows, events: Events) -> Rows:
        """Take new events in and return their sequence numbers, int64 [n].

        The events of a row stand together, in the order of arrival, and their times do not fall.
        """
        firsts, counts = groups(rows)
        who = rows[firsts]
        for row, count in zip(who.tolist(), counts.tolist(), strict=True):
            if self.of["length"][row] + count > self.of["capacity"][row]:
                self._make_room(row, count)
        sequences = np.repeat(self.of["next_sequence"][who], counts) + ranks(firsts, counts)
        self.of["next_sequence"][who] += counts
        last = self.of["start"][rows] + self.of["length"][rows] - 1
        between = (self.of["length"][rows] > 0) & (events.seconds < self.events["seconds"][np.maximum(last, 0)])
        for place in np.flatnonzero(between).tolist():
            self._insert_between(int(rows[place]), events.take(np.array([place])), int(sequences[place]))
        self._append(rows[~between], events.take(~between), sequences[~between])
        return sequences

    def load(self, events: Events, sequences: Rows, sums: Mapping[int, tuple[int, Mapping[str, float]]]) -> None:
        """Take in everything at once, ordered by customer, event time and sequence; there must be nothing yet."""
        firsts, counts = groups(events.customers)
        customers = events.customers[firsts]
        self._rows = dict(zip(customers.tolist(), range(len(customers)), strict=True))
        capacities = np.maximum(FIRST_CAPACITY, 1 << np.ceil(np.log2(np.maximum(counts, 1))).astype(np.int64))
        self._space.take_all(int(capacities.sum()))
        _grow(self.events, self._space.end + 1)
        _grow(self.of, len(customers) + 1)
        who = np.arange(len(customers))
        newest = np.maximum.reduceat(sequences, firsts) if len(firsts) else sequences
        largest_first = np.argsort(-capacities, kind="stable")  # so that each begins at a multiple of itself
        starts = np.empty_like(capacities)
        starts[largest_first] = np.cumsum(capacities[largest_first]) - capacities[largest_first]
        columns = {"customer": customers, "start": starts, "capacity": capacities, "next_sequence": newest + 1}
        for name, values in columns.items():
            self.of[name][: len(customers)] = values
        for customer, (count, totals) in sums.items():
            row = self._row_of(customer)
            self.of["forgotten"][row], self._bases[row] = count, totals
        self._append(np.repeat(who, counts), events, sequences)
        self._bases.clear()

    def take_forgotten(self) -> list[Forgotten]:
        """Return what was forgotten since the last call."""
        forgotten, self._forgotten = self._forgotten, []
        return forgotten

    def _append(self, rows: Rows, events: Events, sequences: Rows) -> None:
        firsts, counts = groups(rows)
        who = rows[firsts]
        at = self.of["start"][rows] + self.of["length"][rows] + ranks(firsts, counts)
        bases = {name: self.before(name, who, self.of["length"][who]) for name in RUNNING}
        for name, values in _plain(events, sequences).items():
            self.events[name][at] = values
        for name, base in bases.items():
            own = own_share(name, events.seconds, events.amounts, events.risks)
            running = np.cumsum(own)
            self.events[name][at] = np.repeat(base - running[firsts] + own[firsts], counts) + running
        self.of["length"][who] += counts

    def _insert_between(self, row: int, event: Events, sequence: int) -> None:
        """Put one event where its time belongs, after those of the same time."""
        start, length = int(self.of["start"][row]), int(self.of["length"][row])
        times = self.events["seconds"][start : start + length]
        place = int(np.searchsorted(times, event.seconds[0], side="right"))
        bases = {name: self.before(name, np.array([row]), np.array([place]))[0] for name in RUNNING}
        at, end = start + place, start + length
        for column in self.events.values():
            column[at + 1 : end + 1] = column[at:end].copy()
        for name, values in _plain(event, np.array([sequence])).items():
            self.events[name][at] = values[0]
        for name, base in bases.items():
            own = own_share(name, event.seconds, event.amounts, event.risks)[0]
            self.events[name][at] = base + own
            self.events[name][at + 1 : end + 1] += np.array(own).astype(self.events[name].dtype)
        self.of["length"][row] += 1

    def _row_of(self, customer: int) -> int:
        row = self._rows.get(customer)
        if row is None:
            row = self._rows[customer] = len(self._rows)
            if row == len(self.of["start"]):
                _grow(self.of, row + 1)
            self.of["customer"][row] = customer
            self.of["start"][row], self.of["capacity"][row] = self._allocate(FIRST_CAPACITY), FIRST_CAPACITY
        return row

    def _allocate(self, capacity: int) -> int:
        """Return the start of a stretch that is free now."""
        start = self._space.take(capacity)
        if self._space.end >= len(self.events["seconds"]):
            _grow(self.events, self._space.end + 1)
        return start

    def _make_room(self, row: int, count: int) -> None:
        """Make room for more events of a row: a longer stretch, or fewer events."""
        start, length, capacity = (int(self.of[name][row]) for name in ("start", "length", "capacity"))
        needed = length + count
        if needed > MOST_EVENTS:
            self._forget(row, start, length, max(length - MOST_EVENTS // 2, needed - MOST_EVENTS))
            return
        longer = 1 << (needed - 1).bit_length()
        to = self._allocate(longer)
        for column in self.events.values():
            column[to : to + length] = column[start : start + length]
        self.of["start"][row], self.of["capacity"][row] = to, longer
        self._space.give_back(start, capacity)

    def _forget(self, row: int, start: int, length: int, dropped: int) -> None:
        last = {name: self.events[name][start + dropped - 1].item() for name in RUNNING}
        sequences = self.events["sequence"][start : start + dropped].copy()
        self.of["forgotten"][row] += dropped
        self._forgotten.append(
            Forgotten(int(self.of["customer"][row]), sequences, int(self.of["forgotten"][row]), last)
        )
        for column in self.events.values():
            column[start : start + length - dropped] = column[start + dropped : start + length].copy()
        self.of["length"][row] = length - dropped


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
