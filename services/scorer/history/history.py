"""What the scorer remembers of each customer, by event time. Pure numpy: knows no Kafka and no message.

A customer's events lie in one stretch of shared columns, ordered by event time, with running sums beside them: count
and sum of a window are differences between two places that a binary search finds, for all payments at once.

A payment sees the events that arrived before it and lie strictly earlier in event time. So what it sees depends on the
order of the records in their partition alone: not on how they were cut into batches, and not on restarts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from services.scorer.history.events import RUNNING, Events, Evicted, Rows, groups
from services.scorer.history.store import Stretches

WINDOWS = {"1h": 3_600, "24h": 86_400, "72h": 259_200}
"""Seconds before a payment that a window covers: from t - seconds, included, to t, not included."""

PAST = (
    "seconds_since_last",
    "last_amount",
    "last_risk",
    *(f"{what}_{window}" for window in WINDOWS for what in ("count", "sum", "night_count", "risk")),
    "amount_over_mean",
    "count_so_far",
)
"""What is known of a payment's past. NaN: there was no last event, or no mean; all NaN: there is no history at all."""


SUM_DECIMALS, RATIO_DECIMALS = 2, 4
"""Coarser than what running sums lose and than neighbouring float32 values: equal pasts give equal features."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a batch's payments see of their customers' past, and what became of them.

    Attributes:
        values: float64 [n, len(PAST)].
        kept: which payments are remembered, bool [n]. One that is there already does not count twice; one older than
            all that is kept of its customer comes too late to count, and sees nothing.
        sequences: numbers of the kept ones among all events of their customers, int64 [n]; -1 for the others.
        forgotten: partition -> what made room for them.
    """

    values: NDArray[np.float64]
    kept: NDArray[np.bool_]
    sequences: NDArray[np.int64]
    forgotten: dict[int, list[Evicted]]


class History:
    """The customers of some partitions. Customers of different partitions have nothing to do with each other."""

    def __init__(self) -> None:
        self._stretches = Stretches()

    @classmethod
    def restored(cls, events: Events, sequences: NDArray[np.int64], forgotten: Iterable[Evicted]) -> Self:
        """Return the history of a partition's remembered events, ordered by customer, event time and sequence.

        Args:
            events: what is remembered.
            sequences: the events' numbers, int64 [n].
            forgotten: of each customer of whom events were forgotten.
        """
        history = cls()
        history._stretches.load(events, sequences, forgotten)
        return history

    def __len__(self) -> int:
        return len(self._stretches)

    @property
    def nbytes(self) -> int:
        """Bytes of the events, without the index of the customers."""
        return self._stretches.nbytes

    def take_over(self, partition: int, restored: "History") -> None:
        """Go on with the restored history of a partition of which there is nothing yet."""
        self._stretches.take_over(partition, restored._stretches)

    def give_up(self, partition: int) -> None:
        """Forget all of a partition; a memory that large is kept for others."""
        self._stretches.give_up(partition)

    def observe(self, events: Events, partitions: NDArray[np.int64] | None = None) -> Past:
        """Take payments in, in the order of their arrival, and return what each of them sees.

        Args:
            events: n payments.
            partitions: those they came from, int64 [n]; partition 0 if not told.
        """
        n, stretches = len(events), self._stretches
        values, sequences = np.full((n, len(PAST)), np.nan), np.full(n, -1, np.int64)
        rows = stretches.rows_of(events.customers, np.zeros(n, np.int64) if partitions is None else partitions)
        for run in _runs(rows, events.seconds):
            left = run
            while len(left):
                part, who = events.take(left), rows[left]
                late = stretches.is_late(who, part.seconds)
                new = ~late & ~stretches.known(who, part)
                waits = stretches.exceeds_capacity(who, new)
                taken, seeing = new & ~waits, ~(late | waits)
                sequences[left[taken]] = stretches.insert(who[taken], part.take(taken))
                values[left[seeing]] = self._look_back(who[seeing], part.take(seeing))
                stretches.forget(who[waits])
                left = left[waits]
        return Past(values, sequences >= 0, sequences, stretches.take_forgotten())

    def _look_back(self, rows: Rows, events: Events) -> NDArray[np.float64]:
        """Return what payments see at their own time, float64 [n, len(PAST)]; events of the same time are not seen.

        All places in time are looked up together: now, and where each window begins.
        """
        stretches, n = self._stretches, len(rows)
        times = np.concatenate([events.seconds - ago for ago in (0, *WINDOWS.values())])
        of_all = np.tile(rows, 1 + len(WINDOWS))
        places = stretches.lower_bound(of_all, times)
        totals, nights, risk_totals = stretches.before(of_all, places).reshape(len(RUNNING), 1 + len(WINDOWS), n)
        now, *thens = places.reshape(1 + len(WINDOWS), n)
        last = stretches.of["start"][rows] + np.maximum(now - 1, 0)
        has_last = now > 0
        columns = {
            "seconds_since_last": np.where(has_last, events.seconds - stretches.events["seconds"][last], np.nan),
            "last_amount": np.where(has_last, stretches.events["amount"][last], np.nan),
            "last_risk": np.where(has_last, stretches.events["risk"][last], np.nan),
        }
        for number, (window, then) in enumerate(zip(WINDOWS, thens, strict=True), start=1):
            columns[f"count_{window}"] = now - then
            columns[f"sum_{window}"] = np.round(totals[0] - totals[number], SUM_DECIMALS)
            columns[f"night_count_{window}"] = nights[0] - nights[number]
            columns[f"risk_{window}"] = risk_totals[0] - risk_totals[number]
        count = stretches.of["forgotten"][rows] + now
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.round(events.amounts * count / totals[0], RATIO_DECIMALS)
        columns["amount_over_mean"] = np.where((count > 0) & np.isfinite(ratio), ratio, np.nan)
        columns["count_so_far"] = count
        return np.stack([columns[name] for name in PAST], axis=1).astype(np.float64)


def _runs(rows: Rows, seconds: NDArray[np.int64]) -> Iterator[Rows]:
    """Yield the payments of a batch in parts, each ordered by row and in a row by arrival, its times not falling.

    Where the times of a customer fall, the rest waits for the next part: what came later is not seen by what came
    before it.
    """
    order = np.argsort(rows, kind="stable")
    firsts, counts = groups(rows[order])
    falls = np.diff(seconds[order], prepend=0) < 0
    falls[firsts] = False
    number = np.cumsum(falls, dtype=np.int64)
    number = number - np.repeat(number[firsts], counts)
    for part in range(int(number.max(initial=-1)) + 1):
        yield order[number == part]
