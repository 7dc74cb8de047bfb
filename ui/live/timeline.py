"""Counts scored transactions in buckets of five seconds, over the last quarter of an hour. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ui.live.queries import BUCKET, NewRows

BUCKETS = 180
"""A quarter of an hour."""

RATE_BUCKETS = 2
"""Complete buckets over which the rate is averaged."""

Counts = Mapping[datetime, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Scored and flagged transactions of each bucket, the last complete one at the end.

    `since` is the index of the first bucket whose counts are complete.
    """

    begins: datetime
    scored: list[int]
    flagged: list[int]
    since: int

    @property
    def rate(self) -> float:
        """Transactions per second over the last complete buckets."""
        latest = self.scored[-RATE_BUCKETS:]
        return sum(latest) / (len(latest) * BUCKET.total_seconds())


class ScoreCounter:
    """Adds up the new rows of each reading."""

    def __init__(self) -> None:
        self.after = self.settled = -1
        self._counts: dict[datetime, tuple[int, int]] = {}
        self._unsettled: Counts = {}
        self._known_since: datetime | None = None

    def add(self, found: NewRows, newest: int) -> None:
        """Count the rows after `self.after`; `newest` is the newest arrival of the same reading."""
        for bucket, counts in found.settled.items():
            self._counts[bucket] = _sum(self._counts.get(bucket), counts)
        self._unsettled = found.unsettled
        if found.truncated:
            oldest = min([*found.settled, *found.unsettled])
            self._known_since = max(self._known_since or oldest, oldest + BUCKET)
        self.after, self.settled = self.settled, max(newest, self.settled)

    def timeline(self, now: datetime) -> Timeline:
        """Return the quarter of an hour before a moment of the database's clock, and drop older buckets."""
        ends = datetime.fromtimestamp(now.timestamp() // BUCKET.total_seconds() * BUCKET.total_seconds(), now.tzinfo)
        begins = ends - BUCKETS * BUCKET
        self._counts = {bucket: counts for bucket, counts in self._counts.items() if bucket >= begins}
        places = [begins + place * BUCKET for place in range(BUCKETS)]
        counts = [_sum(self._counts.get(place), self._unsettled.get(place)) for place in places]
        since = sum(place < self._known_since for place in places) if self._known_since else 0
        return Timeline(begins, [scored for scored, _ in counts], [flagged for _, flagged in counts], since)


def _sum(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int]:
    (scored, flagged), (more_scored, more_flagged) = one or (0, 0), other or (0, 0)
    return scored + more_scored, flagged + more_flagged
