"""The history of each customer, by event time, and what a transaction sees of it.

A customer's events lie in one block of shared columns, ordered by event time, with running sums beside them.

A transaction sees the events that arrived before it and lie strictly earlier in event time. So what it sees depends
only on the order of the records in their partition: not on how they were cut into batches, and not on restarts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from services.scorer.history.events import Events, Evicted, Rows, groups
from services.scorer.history.look_back import LookBack, Reading
from services.scorer.history.numbers import PastNumbers
from services.scorer.history.store import EventStore


@dataclass(frozen=True, slots=True)
class Past:
    """What a batch's transactions see of their customers' past, and which of them were stored.

    Attributes:
        values: a column for each reading, float64 [n, readings]; all NaN where there is no history.
        stored: bool [n]. A duplicate is not stored; neither is a late one, which also sees nothing.
        sequences: numbers of the stored ones among all events of their customers, int64 [n]; -1 for the others.
        evicted: partition -> what made room for them.
    """

    values: NDArray[np.float64]
    stored: NDArray[np.bool_]
    sequences: NDArray[np.int64]
    evicted: dict[int, list[Evicted]]


class History:
    """The histories of the customers of some partitions. The same customer in two partitions has two histories."""

    def __init__(self, numbers: PastNumbers) -> None:
        self._store = EventStore(numbers)

    @classmethod
    def restored(
        cls, numbers: PastNumbers, events: Events, sequences: NDArray[np.int64], evicted: Iterable[Evicted]
    ) -> Self:
        """Return the history that holds these events, ordered by customer, event time and sequence.

        Args:
            numbers: which are kept.
            events: of one partition.
            sequences: the events' numbers, int64 [n].
            evicted: of each customer with evicted events.
        """
        history = cls(numbers)
        history._store.load(events, sequences, evicted)
        return history

    def __len__(self) -> int:
        return len(self._store)

    @property
    def nbytes(self) -> int:
        """Bytes of the events, without the index of the customers."""
        return self._store.nbytes

    def take_over(self, partition: int, restored: "History") -> None:
        """Take over the restored history of a partition that is not held yet."""
        self._store.take_over(partition, restored._store)

    def release(self, partition: int) -> None:
        """Remove a partition; the RAM it took is used again for others."""
        self._store.release(partition)

    def observe(self, events: Events, readings: Sequence[Reading], partitions: NDArray[np.int64] | None = None) -> Past:
        """Store transactions, in the order of their arrival, and return what each of them sees.

        Args:
            events: n transactions.
            readings: what to see of the past.
            partitions: those they came from, int64 [n]; all from partition 0 if None.
        """
        n, store = len(events), self._store
        values, sequences = np.full((n, len(readings)), np.nan), np.full(n, -1, np.int64)
        rows = store.rows_of(events.customers, np.zeros(n, np.int64) if partitions is None else partitions)
        for run in _runs(rows, events.seconds):
            left = run
            while len(left):  # once, but for customers whose block is full: their rest goes on after an eviction
                part, part_rows = events.take(left), rows[left]
                late = store.is_late(part_rows, part.seconds)
                new = ~late & ~store.is_duplicate(part_rows, part)
                waits = store.exceeds_capacity(part_rows, new)
                inserted, seeing = new & ~waits, ~(late | waits)
                # Inserted first: a look-up stops before the transaction's own time, so none sees itself or one of its
                # part that has the same time or a later one.
                sequences[left[inserted]] = store.insert(part_rows[inserted], part.take(inserted))
                look_back = LookBack(store, part_rows[seeing], part.take(seeing), readings)
                values[left[seeing]] = look_back.values()
                store.evict_older_half(part_rows[waits])
                left = left[waits]
        return Past(values, sequences >= 0, sequences, store.take_evicted())


def _runs(rows: Rows, seconds: NDArray[np.int64]) -> Iterator[Rows]:
    """Yield the transactions of a batch in parts, each ordered by row and within a row by arrival, times not falling.

    Where the times of a customer fall, the rest goes into the next part: in one part a transaction would see those that
    arrived after it with an earlier time.
    """
    order = np.argsort(rows, kind="stable")
    firsts, counts = groups(rows[order])
    falls = np.diff(seconds[order], prepend=0) < 0
    falls[firsts] = False
    number = np.cumsum(falls, dtype=np.int64)
    number = number - np.repeat(number[firsts], counts)
    for part in range(int(number.max(initial=-1)) + 1):
        yield order[number == part]
