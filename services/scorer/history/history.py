"""The history of each customer, by event time, and what a transaction sees of it.

A customer's events lie in one block of shared columns, ordered by event time, with running sums beside them: count and
sum of a window are differences between two places that a binary search finds, for all transactions at once.

A transaction sees the events that arrived before it and lie strictly earlier in event time. So what it sees depends
only on the order of the records in their partition: not on how they were cut into batches, and not on restarts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from services.scorer.history.events import RUNNING, Events, Evicted, Rows, groups
from services.scorer.history.store import EventStore

WINDOWS = {"1h": 3_600, "24h": 86_400, "72h": 259_200}
"""Seconds before a transaction that a window covers: from t - seconds, included, to t, not included."""

PAST = (
    "seconds_since_last",
    "last_amount",
    "last_risk",
    *(f"{what}_{window}" for window in WINDOWS for what in ("count", "sum", "night_count", "risk")),
    "amount_over_mean",
    "count_so_far",
)
"""Columns of a transaction's past. NaN: there was no last event, or no mean; all NaN: there is no history at all."""

SUM_DECIMALS, RATIO_DECIMALS = 2, 4
"""Coarser than what running sums lose and than neighbouring float32 values: equal pasts give equal features."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a batch's transactions see of their customers' past, and which of them were stored.

    Attributes:
        values: float64 [n, len(PAST)].
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

    def __init__(self) -> None:
        self._store = EventStore()

    @classmethod
    def restored(cls, events: Events, sequences: NDArray[np.int64], evicted: Iterable[Evicted]) -> Self:
        """Return the history that holds these events, ordered by customer, event time and sequence.

        Args:
            events: of one partition.
            sequences: the events' numbers, int64 [n].
            evicted: of each customer with evicted events.
        """
        history = cls()
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

    def observe(self, events: Events, partitions: NDArray[np.int64] | None = None) -> Past:
        """Store transactions, in the order of their arrival, and return what each of them sees.

        Args:
            events: n transactions.
            partitions: those they came from, int64 [n]; all from partition 0 if None.
        """
        n, store = len(events), self._store
        values, sequences = np.full((n, len(PAST)), np.nan), np.full(n, -1, np.int64)
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
                values[left[seeing]] = self._look_back(part_rows[seeing], part.take(seeing))
                store.evict_older_half(part_rows[waits])
                left = left[waits]
        return Past(values, sequences >= 0, sequences, store.take_evicted())

    def _look_back(self, rows: Rows, events: Events) -> NDArray[np.float64]:
        """Return what transactions see at their own time, float64 [n, len(PAST)]; events of the same time are not seen.

        One search finds all places: the transaction's own time, and the start of each window.
        """
        store, n = self._store, len(rows)
        times = np.concatenate([events.seconds - ago for ago in (0, *WINDOWS.values())])
        of_all = np.tile(rows, 1 + len(WINDOWS))
        places = store.lower_bound(of_all, times)
        totals, nights, risk_totals = store.sums_before(of_all, places).reshape(len(RUNNING), 1 + len(WINDOWS), n)
        now, *thens = places.reshape(1 + len(WINDOWS), n)
        last = store.customers["start"][rows] + np.maximum(now - 1, 0)
        has_last = now > 0
        columns = {
            "seconds_since_last": np.where(has_last, events.seconds - store.events["seconds"][last], np.nan),
            "last_amount": np.where(has_last, store.events["amount"][last], np.nan),
            "last_risk": np.where(has_last, store.events["risk"][last], np.nan),
        }
        for number, (window, then) in enumerate(zip(WINDOWS, thens, strict=True), start=1):
            columns[f"count_{window}"] = now - then
            columns[f"sum_{window}"] = np.round(totals[0] - totals[number], SUM_DECIMALS)
            columns[f"night_count_{window}"] = nights[0] - nights[number]
            columns[f"risk_{window}"] = risk_totals[0] - risk_totals[number]
        count = store.customers["evicted"][rows] + now
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.round(events.amounts * count / totals[0], RATIO_DECIMALS)
        columns["amount_over_mean"] = np.where((count > 0) & np.isfinite(ratio), ratio, np.nan)
        columns["count_so_far"] = count
        return np.stack([columns[name] for name in PAST], axis=1).astype(np.float64)


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
