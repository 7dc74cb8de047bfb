"""How fast transactions were scored, five seconds by five seconds. Pure: knows no database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ui.live.queries import BUCKET, NewRows

BUCKETS = 180
"""A quarter of an hour."""

RATE_BUCKETS = 2
"""Whole buckets that the rate is the mean of."""

Counts = Mapping[datetime, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Scored and flagged transactions of each bucket, the last whole one at the end; `rate` is per second.

    `since` is the place of the first bucket that is known for sure; 0 if all are.
    """

    begins: datetime
    scored: list[int]
    flagged: list[int]
    since: int

    @property
    def rate(self) -> float:
        """Transactions a second over the last whole buckets."""
        latest = self.scored[-RATE_BUCKETS:]
        return sum(latest) / (len(latest) * BUCKET.total_seconds())


class Counter:
    """Adds up what each reading finds new."""

    def __init__(self) -> None:
        self.after = self.settled = -1
        self._counts: dict[datetime, tuple[int, int]] = {}
        self._moving: Counts = {}
        self._known_since: datetime | None = None

    def add(self, found: NewRows, newest: int) -> None:
        """Take note of the rows after `self.after`; `newest` is the newest arrival of the same reading."""
        for bucket, counts in found.settled.items():
            self._counts[bucket] = _sum(self._counts.get(bucket), counts)
        self._moving = found.moving
        if found.cut:
            oldest = min([*found.settled, *found.moving])
            self._known_since = max(self._known_since or oldest, oldest + BUCKET)
        self.after, self.settled = self.settled, max(newest, self.settled)

    def timeline(self, now: datetime) -> Timeline:
        """Return the last quarter of an hour before a moment of the database's clock, and forget what lies before."""
        ends = datetime.fromtimestamp(now.timestamp() // BUCKET.total_seconds() * BUCKET.total_seconds(), now.tzinfo)
        begins = ends - BUCKETS * BUCKET
        self._counts = {bucket: counts for bucket, counts in self._counts.items() if bucket >= begins}
        places = [begins + place * BUCKET for place in range(BUCKETS)]
        counts = [_sum(self._counts.get(place), self._moving.get(place)) for place in places]
        since = sum(place < self._known_since for place in places) if self._known_since else 0
        return Timeline(begins, [scored for scored, _ in counts], [flagged for _, flagged in counts], since)


def _sum(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int]:
    (scored, flagged), (more_scored, more_flagged) = one or (0, 0), other or (0, 0)
    return scored + more_scored, flagged + more_flagged
