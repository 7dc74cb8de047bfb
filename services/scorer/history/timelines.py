"""Where customers' events lie, and what can be asked of them: each customer owns a stretch of shared columns, ordered
by event time. Pure numpy. All questions are answered for many customers at once.
"""

import numpy as np
from numpy.typing import NDArray

from services.scorer.history.events import RUNNING, Events, Rows

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

    def too_late(self, rows: Rows, seconds: NDArray[np.int64]) -> NDArray[np.bool_]:
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
