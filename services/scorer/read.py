"""Reads `transactions` as one member of the scorers' group. Knows nothing of what a message holds."""

import contextlib
from functools import cached_property
from typing import Any

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from services.common.errors import Retry
from services.common.kafka import Batch, Ownership, is_drained, lag
from services.common.settings import KafkaSettings
from services.scorer.settings import ScorerSettings

FIRST_MESSAGE_WAIT_SECONDS = 0.2
POSITION_TIMEOUT_SECONDS = 10.0


class Source:
    """A consumer and what it owns. Batches follow the load: a lone message at once, all that waits under load."""

    def __init__(self, kafka: KafkaSettings, settings: ScorerSettings, topic: str, member: str) -> None:
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
            [topic],
            on_assign=self._ownership.on_assign,
            on_revoke=self._ownership.on_revoke,
            on_lost=self._ownership.on_revoke,
        )

    def read(self) -> Batch:
        """Return the messages that wait, at most a batch; an empty batch after 0.2 s without any.

        Raises:
            Retry: the consumer must be made anew.
        """
        try:
            messages = self._consumer.consume(1, FIRST_MESSAGE_WAIT_SECONDS)
            if messages and self._batch_max > 1:
                messages += self._consumer.consume(self._batch_max - 1, 0)
            if self._ownership.unpositioned:
                self._position()
        except KafkaException as error:
            raise Retry(f"reading failed: {error.args[0].name()}") from error
        return self._ownership.accept(messages)

    def advance(self, batch: Batch) -> None:
        """Note that a batch's effects are committed."""
        self._ownership.advance(batch)

    def group_metadata(self) -> Any:
        """Return what lets a Kafka transaction commit offsets for this member (KIP-447)."""
        return self._consumer.consumer_group_metadata()

    @property
    def partitions(self) -> dict[int, int]:
        """The partitions that are owned and positioned -> how often each was assigned to this member."""
        return {place[1]: self._ownership.assignments[place] for place in self._ownership.next_offsets}

    @property
    def ready(self) -> bool:
        """Whether this member has joined the group and knows where its partitions stand."""
        return self._ownership.assigned_once and not self._ownership.unpositioned

    @property
    def drained(self) -> bool:
        """Whether everything there is has been processed."""
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

    def _position(self) -> None:
        """Ask the group where the new partitions stand: stable offsets alone, no transaction pending on them."""
        places = [TopicPartition(*place) for place in self._ownership.unpositioned]
        committed = self._consumer.committed(places, timeout=POSITION_TIMEOUT_SECONDS)
        self._ownership.position(
            {
                (place.topic, place.partition): 0 if place.offset == OFFSET_INVALID else place.offset
                for place in committed
            }
        )
