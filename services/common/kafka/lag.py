"""Says how far a group is behind, in messages and in seconds: for the services' gauges, the page and the doctor.

Behind is what is not finished, not what is not read. What retention has removed does not count; markers of Kafka
transactions between messages count as messages.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from prometheus_client import Gauge

from services.common.kafka.closing import close_or_leave
from services.common.kafka.offsets import EARLIEST, LATEST, BrokerQuery, Partition
from services.common.logs import get_logger
from services.common.outages import is_outage, log_refusal
from services.common.settings import KafkaSettings

EVERY_SECONDS = 2.0
TIMEOUT_SECONDS = 3.0
FETCH_SECONDS = 2.0
CLOSE_SECONDS = 2.0
"""How long close() waits for a reading that is under way; while Kafka is unavailable one takes longer."""


@dataclass(frozen=True, slots=True)
class Lag:
    """Messages that are not finished, and how long the oldest of them has been waiting.

    `exact` is False if it was there before anyone looked: it waits for `seconds` at least.
    """

    messages: int
    seconds: float
    exact: bool = True


@dataclass(frozen=True, slots=True)
class GroupPosition:
    """Of a partition: its low watermark, its end, and the offset its group wants next (None: it never committed)."""

    low: int
    end: int
    committed: int | None

    @property
    def next_offset(self) -> int:
        """The first offset that is not finished and still there."""
        return max(self.low, self.committed or 0)

    @property
    def behind(self) -> int:
        """How many offsets are not finished."""
        return max(0, self.end - self.next_offset)


def edges(query: BrokerQuery, partitions: Iterable[Partition]) -> tuple[dict[Partition, int], dict[Partition, int]]:
    """Return the low watermark of each partition, and the offset after its last committed message or marker.

    Raises:
        KafkaException: a broker does not answer.
    """

    committed, wanted = IsolationLevel.READ_COMMITTED, list(partitions)
    lows = query.watermarks(wanted, EARLIEST, committed, TIMEOUT_SECONDS)
    return lows, query.watermarks(wanted, LATEST, committed, TIMEOUT_SECONDS)


class LagReader:
    """Reads the exact lag: asks for the ends of partitions, and reads the first message that is not finished."""

    def __init__(self, kafka: KafkaSettings, group_id: str) -> None:
        """The group is only named, as a client must: this reader joins none and commits nothing."""
        self._kafka = kafka
        self._group_id = group_id
        self._query = BrokerQuery(kafka)
        self._consumer: Consumer | None = None
        self._found_empty: dict[Partition, tuple[int, int]] = {}

    def read(self, next_offsets: Mapping[Partition, int]) -> dict[Partition, Lag]:
        """Return the lag of each partition; one that does not answer in time is left out.

        After a failure of either kind the next call uses new clients.

        Args:
            next_offsets: (topic, partition) -> offset after the last finished message.

        Raises:
            KafkaException: a broker does not answer.
        """
        if not next_offsets:
            return {}
        found: dict[Partition, Lag] = {}
        try:
            lows, ends = edges(self._query, next_offsets)
            for partition, next_offset in next_offsets.items():
                lag = self._lag(partition, GroupPosition(lows[partition], ends[partition], next_offset))
                if lag is not None:
                    found[partition] = lag
        finally:
            if found.keys() != next_offsets.keys():
                self.close()
        return found

    def close(self) -> None:
        """Close the clients; one that does not close in time is logged and left over."""
        self._query.close()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            close_or_leave(consumer)

    def _lag(self, partition: Partition, position: GroupPosition) -> Lag | None:
        start, end = position.next_offset, position.end
        if start >= end or self._found_empty.get(partition) == (start, end):
            return Lag(0, 0.0)
        first = self._first_message(partition, start)
        if first is None:
            return None
        offset, timestamp_ms = first
        if offset >= end:  # only markers of Kafka transactions are left
            self._found_empty[partition] = (start, end)
            return Lag(0, 0.0)
        return Lag(end - offset, max(0.0, time.time() - timestamp_ms / 1000))

    def _first_message(self, partition: Partition, start: int) -> tuple[int, int] | None:
        """Return offset and timestamp in ms of the first message from an offset on, None if it does not come in time.

        Where there is none, what is returned is the end of the partition.
        """
        if self._consumer is None:
            self._consumer = Consumer(self._config(**_ONE_MESSAGE, group_id=self._group_id))
        self._consumer.incremental_assign([TopicPartition(*partition, start)])
        try:
            deadline = time.monotonic() + FETCH_SECONDS
            while (left := deadline - time.monotonic()) > 0:
                for message in self._consumer.consume(1, left):
                    if (message.topic(), message.partition()) != partition:
                        continue
                    offset: int = message.offset()  # type: ignore[assignment]  # of a partition, so it has one
                    if (error := message.error()) is None:
                        return offset, message.timestamp()[1]
                    if error.code() == KafkaError._PARTITION_EOF:
                        return offset, 0
        finally:
            self._consumer.incremental_unassign([TopicPartition(*partition)])
        return None

    def _config(self, **own: Any) -> dict[str, Any]:
        # log_level 0: an outage is reported by the loop, not by a line of librdkafka a second.
        return self._kafka.client_config(**own) | {"log_level": 0}


_ONE_MESSAGE: Mapping[str, Any] = {
    "enable_auto_commit": False,
    "enable_auto_offset_store": False,
    "enable_partition_eof": True,
    "isolation_level": "read_committed",
    "auto_offset_reset": "earliest",
    "queued_min_messages": 1,
    "fetch_message_max_bytes": 1024,
    "fetch_wait_max_ms": 10,
}
"""Settings of a consumer that looks at one message and fetches as little beside it as a broker lets it."""


class LagWatch:
    """Sets two gauges, each labelled topic and partition, every 2 s. While Kafka does not answer they are empty.

    In a thread with clients of its own: while the loop hangs, its lag still grows.
    """

    def __init__(
        self, reader: LagReader, next_offsets: Callable[[], Mapping[Partition, int]], messages: Gauge, seconds: Gauge
    ) -> None:
        self._reader = reader
        self._next_offsets = next_offsets
        self._messages, self._seconds = messages, seconds
        self._shown: set[Partition] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lag", daemon=True)

    def start(self) -> Self:
        """Begin, in a daemon thread."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Let the thread close its clients and end; waits at most 2 s for it."""
        self._closing.set()
        self._thread.join(CLOSE_SECONDS)

    def update(self) -> None:
        """Read the lag and set the gauges; those of partitions that are not ours any more are removed."""
        try:
            found = self._reader.read(self._next_offsets())
        except KafkaException as error:
            log_refusal("lag_unknown", error.args[0])
            found = {}
        for partition, lag in found.items():
            self._messages.labels(*partition).set(lag.messages)
            self._seconds.labels(*partition).set(lag.seconds)
        for partition in self._shown - found.keys():
            self._messages.remove(*partition)
            self._seconds.remove(*partition)
        self._shown = set(found)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self.update()
            except Exception:
                get_logger().exception("lag_failed")
            self._closing.wait(EVERY_SECONDS)
        self._reader.close()


REMEMBERED = 900
"""Readings whose ends of partitions are remembered: half an hour of one every two seconds."""


class LagEstimator:
    """Estimates lag without reading messages: remembers when the ends of partitions were where."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: dict[Partition, deque[tuple[float, int]]] = {}

    def lag(self, positions: Mapping[Partition, GroupPosition], transactional: Iterable[str] = ()) -> Lag:
        """Return the lag over all partitions, and remember their ends.

        Of the topics that are written in Kafka transactions one offset does not count: the marker that ends the last
        transaction is no message.
        """
        now, markers = self._clock(), set(transactional)
        lags = [self._of_one(now, *item, has_marker=item[0][0] in markers) for item in positions.items()]
        waiting = [lag for lag in lags if lag.messages]
        if not waiting:
            return Lag(0, 0.0)
        longest = max(waiting, key=lambda lag: (lag.seconds, not lag.exact))
        return Lag(sum(lag.messages for lag in waiting), longest.seconds, longest.exact)

    def _of_one(self, now: float, partition: Partition, position: GroupPosition, *, has_marker: bool) -> Lag:
        ends = self._ends.setdefault(partition, deque(maxlen=REMEMBERED))
        if ends and position.end < ends[-1][1]:
            ends.clear()  # the topic was recreated
        ends.append((now, position.end))
        messages = max(0, position.behind - has_marker)
        if not messages:
            return Lag(0, 0.0)
        since, is_first = next((at, index == 0) for index, (at, end) in enumerate(ends) if end > position.next_offset)
        return Lag(messages, now - since, exact=not is_first)


class GroupOffsets:
    """Asks the brokers where groups stand in their topics."""

    def __init__(self, kafka: KafkaSettings, groups: Mapping[str, str]) -> None:
        """`groups` maps each topic to the group that reads it."""
        self._query = BrokerQuery(kafka)
        self._groups = groups

    def read(self) -> dict[Partition, GroupPosition] | None:
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

    def _read(self) -> dict[Partition, GroupPosition]:
        topics = self._query.ask(lambda admin: admin.list_topics(timeout=TIMEOUT_SECONDS)).topics
        wanted = {
            topic: [(topic, partition) for partition in topics[topic].partitions]
            for topic in self._groups
            if topic in topics
        }
        lows, ends = edges(self._query, chain.from_iterable(wanted.values()))
        committed: dict[Partition, int] = {}
        for topic, partitions in wanted.items():
            committed |= self._query.committed(self._groups[topic], partitions, TIMEOUT_SECONDS)
        return {at: GroupPosition(low, ends[at], committed.get(at)) for at, low in lows.items()}
