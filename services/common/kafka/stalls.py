"""Tells a consumer that has read everything from one that has silently stopped, or that waits for a stable offset."""

import time
from collections.abc import Callable, Mapping

from confluent_kafka import IsolationLevel, KafkaException

from services.common.kafka.offsets import LATEST, BrokerQuery, Partition
from services.common.logs import get_logger

PATIENCE_SECONDS = 20.0
"""As long as a Kafka transaction of a dead scorer can hide the end: 10 s, and 10 s until the broker looks for it."""

EVERY_SECONDS = 10.0
"""Between two looks. Only what two of them find counts: a message may just have come, a transaction just have begun."""

GAP_SECONDS = 5.0
"""Nobody read for so long: a history was restored, or the database waited for. That is no stall."""

log = get_logger()


class StallMonitor:
    """Watches a consumer that gets nothing, and asks the brokers why.

    Attributes:
        stalled: partitions with messages that may be read, though nothing came for 30 s.
        held: partitions with messages behind a last stable offset that does not move: some Kafka transaction there has
            no end.
    """

    def __init__(self, query: BrokerQuery) -> None:
        self.stalled: frozenset[Partition] = frozenset()
        self.held: frozenset[Partition] = frozenset()
        self._query = query
        self._idle_since = self._noted_at = time.monotonic()
        self._due = 0.0
        self._edges: dict[Partition, tuple[int, int]] = {}

    def note(self, *, got_messages: bool, positions: Callable[[], Mapping[Partition, int]]) -> bool:
        """Take note of a read that has just returned; return whether it was found to wait for a stable offset.

        Args:
            positions: returns the offset that comes next in each owned partition.
        """
        now = time.monotonic()
        if got_messages or now - self._noted_at > GAP_SECONDS:
            self._idle_since = now
            self.stalled = self.held = frozenset()
            self._edges = {}
        self._noted_at = now
        if now - self._idle_since < PATIENCE_SECONDS or now < self._due:
            return False
        self._due = now + EVERY_SECONDS
        try:
            self._look(positions())
        except KafkaException:
            return False  # an outage is not a stall
        self._noted_at = time.monotonic()
        return bool(self.held)

    def _look(self, positions: Mapping[Partition, int]) -> None:
        stable = self._query.watermarks(positions, LATEST, IsolationLevel.READ_COMMITTED)
        ends = self._query.watermarks(positions, LATEST)
        before, self._edges = self._edges, {place: (stable[place], ends[place]) for place in positions}
        again = {place: position for place, position in positions.items() if place in before}
        stalled = frozenset(place for place, position in again.items() if before[place][0] > position)
        held = frozenset(
            place
            for place, position in again.items()
            if before[place][0] == stable[place] <= position < before[place][1]
        )
        if stalled and stalled != self.stalled:
            log.error("consumer_stalled", partitions=_named(stalled), fix="restart this process")
        if held and held != self.held:
            log.warning("stable_offset_stuck", partitions=_named(held), fix="make doctor names the Kafka transaction")
        self.stalled, self.held = stalled, held


def _named(partitions: frozenset[Partition]) -> list[str]:
    return [f"{topic}/{partition}" for topic, partition in sorted(partitions)]
