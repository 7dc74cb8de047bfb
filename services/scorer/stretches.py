"""Takes events in: gives each customer a stretch of the shared columns, a longer one when it is full. Pure numpy."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scorer.events import RUNNING, Events, Forgotten, Rows, groups, own_shares, ranks, running_sums
from services.scorer.space import Space
from services.scorer.timelines import Timelines

FIRST_CAPACITY = 8
MOST_EVENTS = 1_024
"""Events kept of a customer; when one more comes the older half is forgotten, but for its part in the running sums."""

LOADED_AT_ONCE = 200_000
"""Events summed up together when much is loaded: what that takes in memory is bounded."""

_GROWTH = 1.25


class Stretches(Timelines):
    """All customers' events. A customer is known by a row, a number that stays."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[int, int] = {}
        self._forgotten: list[Forgotten] = []
        self._space = Space()

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

    def load(self, events: Events, sequences: Rows, forgotten: Iterable[Forgotten]) -> None:
        """Take in everything at once, ordered by customer, event time and sequence; there must be nothing yet."""
        firsts, counts = groups(events.customers)
        customers = events.customers[firsts]
        self._rows = dict(zip(customers.tolist(), range(len(customers)), strict=True))
        capacities = np.maximum(FIRST_CAPACITY, _powers_of_two(counts))
        self._space.take_all(int(capacities.sum()))
        _grow(self.events, self._space.end + 1)
        _grow(self.of, len(customers) + 1)
        largest_first = np.argsort(-capacities, kind="stable")  # so that each begins at a multiple of itself
        starts = np.empty_like(capacities)
        starts[largest_first] = np.cumsum(capacities[largest_first]) - capacities[largest_first]
        for name, values in {"customer": customers, "start": starts, "capacity": capacities}.items():
            self.of[name][: len(customers)] = values
        for lost in forgotten:
            row = self._row_of(lost.customer)
            for name, known in {"forgotten": lost.count, **lost.sums}.items():
                self.of[name][row] = known
        rows = np.repeat(np.arange(len(customers)), counts)
        for start in range(0, len(rows), LOADED_AT_ONCE):
            some = np.arange(start, min(start + LOADED_AT_ONCE, len(rows)))
            self._append(rows[some], events.take(some), sequences[some])

    def lacks_room(self, rows: Rows, new: NDArray[np.bool_]) -> NDArray[np.bool_]:
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

    def take_forgotten(self) -> list[Forgotten]:
        """Return what was forgotten since the last call."""
        forgotten, self._forgotten = self._forgotten, []
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

    def _lengthen(self, rows: Rows, counts: Rows) -> None:
        """Give each row a stretch that has room for so many more events."""
        starts, lengths, capacities = (self.of[name][rows] for name in ("start", "length", "capacity"))
        longer = _powers_of_two(lengths + counts)
        to = np.array([self._allocate(capacity) for capacity in longer.tolist()], np.int64)
        within = ranks(np.cumsum(lengths) - lengths, lengths)
        old, new = np.repeat(starts, lengths) + within, np.repeat(to, lengths) + within
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
        self._forgotten.append(
            Forgotten(
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
