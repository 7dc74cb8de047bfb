"""What transactions see of their customers' past: events that arrived before and lie strictly earlier in event time.

Count and sum of a window are differences between two places that a binary search finds, for all transactions at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scorer.history.events import Events, Rows, concatenated_ranges
from services.scorer.history.store import EventStore

Window = int | None
"""Seconds before a transaction: from t - seconds, included, to t, not included. None: the whole past."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing to see of the past: an operation, the number it is about, a window and options.

    Two of the same operation, number, window and options are equal.
    """

    operation: str
    number: str | None = None
    within: Window = None
    options: tuple[tuple[str, Any], ...] = ()
    compute: Callable[["LookBack", "Reading"], NDArray[Any]] = field(compare=False, kw_only=True)


class LookBack:
    """What n transactions, each of a row of the store, see at their own time.

    Attributes:
        n: number of transactions.
        seconds: their event times, int64 [n].
        number_of_earlier: stored events before each, int64 [n].
    """

    def __init__(self, store: EventStore, rows: Rows, events: Events, readings: Sequence[Reading]) -> None:
        self.n, self.seconds = len(rows), events.seconds
        self._store, self._rows, self._events, self._readings = store, rows, events, readings
        self._windows = list(dict.fromkeys(r.within for r in readings if r.within is not None))
        # One search finds all places: the transactions' own times, and the start of each window.
        times = np.concatenate([events.seconds - ago for ago in (0, *self._windows)])
        of_all = np.tile(rows, 1 + len(self._windows))
        places = store.lower_bound(of_all, times)
        shape = (len(store.numbers.summed), 1 + len(self._windows), self.n)
        self._sums = store.sums_before(of_all, places).reshape(shape)
        self.number_of_earlier, *self._starts = places.reshape(1 + len(self._windows), self.n)
        self._last = store.customers["start"][rows] + np.maximum(self.number_of_earlier - 1, 0)

    def values(self) -> NDArray[np.float64]:
        """Return the readings, float64 [n, readings]."""
        found = np.empty((len(self._readings), self.n), np.float64)
        for row, reading in enumerate(self._readings):
            found[row] = reading.compute(self, reading)
        return np.ascontiguousarray(found.T)

    def count(self, within: Window) -> NDArray[np.int64]:
        """Return the number of events in a window, int64 [n]; in the whole past evicted ones count too."""
        if within is None:
            evicted: NDArray[np.int64] = self._store.customers["evicted"][self._rows] + self.number_of_earlier
            return evicted
        counts: NDArray[np.int64] = self.number_of_earlier - self._start(within)
        return counts

    def sum(self, number: str, within: Window) -> NDArray[np.float64]:
        """Return the sum of a number over a window, float64 [n]; over the whole past with what was evicted."""
        sums = self._sums[self._store.numbers.summed.index(number)]
        if within is None:
            whole: NDArray[np.float64] = sums[0]
            return whole
        difference: NDArray[np.float64] = sums[0] - sums[1 + self._windows.index(within)]
        return difference

    def own(self, number: str) -> NDArray[np.float32]:
        """Return the transactions' own number, float32 [n]."""
        own: NDArray[np.float32] = self._events.numbers[self._store.numbers.stored.index(number)]
        return own

    def last(self, column: str) -> NDArray[np.float64]:
        """Return a column of the store at the last event before each, float64 [n]; NaN without one."""
        return np.where(self.number_of_earlier > 0, self._store.events[column][self._last], np.nan)

    def extreme(self, number: str, within: Window, extreme: np.ufunc, carried: str) -> NDArray[np.float64]:
        """Return the smallest or largest number of a window, float64 [n]; NaN without any.

        Args:
            number: its name.
            within: the window.
            extreme: np.fmin or np.fmax, which pass over missing numbers.
            carried: name of what evicted events left, which counts in the whole past.
        """
        if within is None:
            found = self._store.customers[carried][self._rows].copy()
            starts = np.zeros(self.n, np.int64)
        else:
            found, starts = np.full(self.n, np.nan), self._start(within)
        lengths = self.number_of_earlier - starts
        some = np.flatnonzero(lengths > 0)
        if len(some):
            first = self._store.customers["start"][self._rows[some]] + starts[some]
            values = self._store.events[f"value {number}"][concatenated_ranges(first, lengths[some])]
            ends = np.cumsum(lengths[some])
            found[some] = extreme(found[some], extreme.reduceat(values, ends - lengths[some]))
        found[np.isinf(found)] = np.nan
        return found

    def _start(self, within: int) -> Rows:
        start: Rows = self._starts[self._windows.index(within)]
        return start
