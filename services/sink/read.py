"""Reads `scores` and `transactions` from where the database stands. Knows nothing of what a message holds.

The consumer group only shares out the partitions. Where each of them goes on is told by the database, which holds
the offsets in the same transaction as the rows.
"""

import contextlib
from collections.abc import Callable, Mapping
from functools import cached_property

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from services.common.errors import Retry, Stop
from services.common.kafka import Batch, Ownership, Place, edge_offsets, is_drained, lag
from services.common.settings import KafkaSettings
from services.sink.settings import SinkSettings

FIRST_MESSAGE_WAIT_SECONDS = 0.2

Locate = Callable[[Mapping[Place, int]], dict[Place, int]]
"""(topic, partition) -> low watermark in; (topic, partition) -> next offset out. May raise Retry."""


class Source:
    """A consumer and what it owns."""

    def __init__(self, kafka: KafkaSettings, settings: SinkSettings, topics: list[str], member: str) -> None:
        self._kafka = kafka
        self._batch_max = settings.batch_max_messages
        self._ownership = Ownership()
        self._consumer = Consumer(
            kafka.client_config(
                group_id=settings.group_id,
                group_instance_id=member,
                partition_assignment_strategy="cooperative-sticky",
                session_timeout_ms=settings.session_timeout_ms,
                max_poll_interval_ms=settings.max_poll_interval_ms,
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                fetch_queue_backoff_ms=20,
            )
        )
        self._consumer.subscribe(
            topics,
            on_assign=self._ownership.on_assign,
            on_revoke=self._ownership.on_revoke,
            on_lost=self._ownership.on_revoke,
        )

    def read(self, locate: Locate) -> Batch:
        """Return the messages that wait, at most a batch; an empty batch after 0.2 s without any.

        Messages of a partition that was just assigned are dropped, and the partition is sought to where the database
        stands.

        Raises:
            Retry: the database or the broker cannot tell where to go on.
            Stop: the topic and the database do not fit together any more.
        """
        try:
            messages = self._consumer.consume(1, FIRST_MESSAGE_WAIT_SECONDS)
            if messages and self._batch_max > 1:
                messages += self._consumer.consume(self._batch_max - 1, 0)
            batch = self._ownership.accept(messages)
            if self._ownership.unpositioned:
                self._position(locate)
        except KafkaException as error:
            raise Retry(f"reading failed: {error.args[0].name()}") from error
        return batch

    def advance(self, batch: Batch) -> None:
        """Note that a batch is in the database, and tell the group, for tools that show its lag."""
        self._ownership.advance(batch)
        with contextlib.suppress(KafkaException):
            self._consumer.commit(offsets=batch.offsets(), asynchronous=True)

    def hold(self) -> None:
        """Fetch nothing more until release(); the group keeps this member as long as idle() is called."""
        with contextlib.suppress(KafkaException):
            self._consumer.pause(self._consumer.assignment())

    def idle(self, seconds: float) -> None:
        """Stay in the group without taking messages."""
        with contextlib.suppress(KafkaException):
            self._consumer.consume(1, seconds)

    def release(self) -> None:
        """Go on fetching, from where the database stands."""
        self._ownership.unposition()
        with contextlib.suppress(KafkaException):
            self._consumer.resume(self._consumer.assignment())

    @property
    def ready(self) -> bool:
        """Whether this member has joined the group and knows where its partitions stand."""
        return self._ownership.assigned_once and not self._ownership.unpositioned

    @property
    def drained(self) -> bool:
        """Whether everything there is has been kept."""
        return is_drained(self._admin, self._consumer, self._ownership)

    @property
    def lag(self) -> int:
        """Messages behind the ends of the owned partitions."""
        return lag(self._consumer, self._ownership)

    @cached_property
    def _admin(self) -> AdminClient:
        return AdminClient(self._kafka.client_config())

    def close(self) -> None:
        """Leave off reading; the group keeps this member's place for the session timeout."""
        with contextlib.suppress(KafkaException, RuntimeError):
            self._consumer.close()

    def _position(self, locate: Locate) -> None:
        places = set(self._ownership.unpositioned)
        lows = edge_offsets(self._admin, places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        highs = edge_offsets(self._admin, places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        for place, offset in locate(lows).items():
            _check_within(place, offset, lows[place], highs[place])
            self._consumer.seek(TopicPartition(*place, offset))
            self._ownership.position({place: offset})


def _check_within(place: Place, offset: int, low: int, high: int) -> None:
    """Raise Stop if a partition does not hold what the database wants next: never skip in silence."""
    name = f"{place[0]}/{place[1]}"
    advice = "docs/operations.md says what to do"
    if offset < low:
        raise Stop(f"{name}: offsets {offset} to {low - 1} are gone before they were kept (retention); {advice}")
    if offset > high:
        raise Stop(f"{name}: the database stands at {offset}, the topic ends at {high}: it was made anew; {advice}")
