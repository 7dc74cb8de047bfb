"""How far the services are behind, from the offsets their consumer groups have committed. Knows nothing of the page."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from confluent_kafka import IsolationLevel, KafkaException
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from services.common.kafka.assignment import Place, edge_offsets
from services.common.kafka.offsets import BrokerQuery
from services.common.outages import is_outage
from services.common.settings import KafkaSettings

TIMEOUT_SECONDS = 3.0
REMEMBERED = 900
"""Readings whose ends of partitions are remembered: half an hour of one every two seconds."""


@dataclass(frozen=True, slots=True)
class Lag:
    """Messages that wait in the topics, and how long the oldest of them has been waiting.

    `exact` is False if it was there before anyone looked: it waits for `seconds` at least.
    """

    messages: int
    seconds: float
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """Of a partition: its first offset, its end, and the next offset its group wants (None: it never committed)."""

    low: int
    end: int
    committed: int | None


class Waiting:
    """Remembers when the ends of partitions were where, so that an offset becomes a time without reading messages."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: dict[Place, deque[tuple[float, int]]] = {}

    def lag(self, standings: Mapping[Place, Standing], transactional: Iterable[str] = ()) -> Lag:
        """Return the lag over all partitions, and remember their ends.

        Of the topics that are written in Kafka transactions one offset does not count: the marker that ends the last
        transaction is no message.
        """
        now, markers = self._clock(), set(transactional)
        lags = [self._of_one(now, place, standing, place[0] in markers) for place, standing in standings.items()]
        waiting = [lag for lag in lags if lag.messages]
        if not waiting:
            return Lag(0, 0.0)
        longest = max(waiting, key=lambda lag: (lag.seconds, not lag.exact))
        return Lag(sum(lag.messages for lag in waiting), longest.seconds, longest.exact)

    def _of_one(self, now: float, place: Place, standing: Standing, has_marker: bool) -> Lag:
        ends = self._ends.setdefault(place, deque(maxlen=REMEMBERED))
        if ends and standing.end < ends[-1][1]:
            ends.clear()  # the topic was recreated
        ends.append((now, standing.end))
        next_offset = max(standing.low, standing.committed or 0)
        messages = max(0, standing.end - next_offset - has_marker)
        if not messages:
            return Lag(0, 0.0)
        since, is_first = next((at, place == 0) for place, (at, end) in enumerate(ends) if end > next_offset)
        return Lag(messages, now - since, exact=not is_first)


class GroupOffsets:
    """Asks the brokers where groups stand in their topics."""

    def __init__(self, kafka: KafkaSettings, groups: Mapping[str, str]) -> None:
        """`groups` maps each topic to the group that reads it."""
        self._query = BrokerQuery(kafka)
        self._groups = groups

    def read(self) -> dict[Place, Standing] | None:
        """Return where the groups stand, or None if the brokers do not answer.

        Raises:
            KafkaException: they refuse: access to a topic or a group is denied.
        """
        try:
            return self._read()
        except KafkaException as error:
            if is_outage(error.args[0]):
                return None
            raise

    def _read(self) -> dict[Place, Standing]:
        topics = self._query.ask(lambda admin: admin.list_topics(timeout=TIMEOUT_SECONDS)).topics
        places = [
            (topic, partition) for topic in self._groups if topic in topics for partition in topics[topic].partitions
        ]
        if not places:
            return {}
        lows, ends = self._query.ask(partial(_edges, places=places))
        committed: dict[Place, int] = {}
        for topic, group in self._groups.items():
            of_topic = [place for place in places if place[0] == topic]
            committed |= self._query.committed(group, of_topic, TIMEOUT_SECONDS)
        return {place: Standing(lows[place], ends[place], committed.get(place)) for place in places}


def _edges(admin: AdminClient, places: Iterable[Place]) -> tuple[dict[Place, int], dict[Place, int]]:
    """Return the first offset of each partition, and its end; what is not committed yet does not count."""
    lows, ends = (
        edge_offsets(admin, places, edge, IsolationLevel.READ_COMMITTED, TIMEOUT_SECONDS)
        for edge in (OffsetSpec.earliest(), OffsetSpec.latest())  # type: ignore[no-untyped-call]
    )
    return lows, ends
