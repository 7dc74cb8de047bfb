"""Reads topics as one member of a consumer group. Subclasses say at which offset a partition begins."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from prometheus_client import Counter

from services.common.kafka.assignment import Batch, Ownership
from services.common.kafka.closing import Membership
from services.common.kafka.lag import GroupPosition
from services.common.kafka.offsets import LATEST, BrokerQuery, Partition
from services.common.kafka.orphans import OrphanMonitor
from services.common.kafka.stalls import StallMonitor
from services.common.logs import get_logger
from services.common.settings import GroupSettings, KafkaSettings

FIRST_MESSAGE_WAIT_SECONDS = 0.2
QUEUED_KIB = 8_192
"""The limit of what librdkafka fetches ahead; 64 MiB by default, and small messages take several times their size."""

log = get_logger()


class GroupConsumer:
    """A consumer and its partitions. Batches follow the load: a lone message at once, all that waits under load.

    Attributes:
        settle: waits until nothing is being written; called before partitions are given up.
        full: whether the last read had as many messages as a batch may have; likely more wait.
        unstable: counts the looks that found a last stable offset which does not move.
    """

    unstable: Counter

    def __init__(self, kafka: KafkaSettings, settings: GroupSettings, topics: list[str], member: str) -> None:
        self.settle: Callable[[], None] = lambda: None
        self.full = False
        self._query = BrokerQuery(kafka)
        self._topics = topics
        self._batch_max = settings.batch_max_messages
        self._ownership = Ownership()
        self._orphans = OrphanMonitor(self._query, settings.group_id, topics)
        self._stalls = StallMonitor(self._query)
        self._consumer = Consumer(
            kafka.client_config(
                group_id=settings.group_id,
                group_instance_id=member,
                partition_assignment_strategy="cooperative-sticky",
                session_timeout_ms=settings.session_timeout_ms,
                heartbeat_interval_ms=1_000,  # a member learns of a rebalance by it; 3 s by default
                max_poll_interval_ms=settings.max_poll_interval_ms,
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                isolation_level="read_committed",
                auto_offset_reset="error",  # never skip silently, nor start over
                fetch_queue_backoff_ms=20,
                queued_max_messages_kbytes=QUEUED_KIB,
            )
        )
        self._membership = Membership(self._consumer, self._on_assign, self._on_revoke)
        self._membership.subscribe(topics)

    @property
    def ready(self) -> bool:
        """Whether this member has joined the group, all its partitions have a position, and it reads what waits."""
        return self._ownership.assigned_once and not self._ownership.unpositioned and not self._stalls.stalled

    @property
    def drained(self) -> bool:
        """Whether everything in the owned partitions has been read, up to their ends as they are now."""
        if not self.ready:
            return False
        try:
            positions = self._next_positions()
            ends = self._query.watermarks(positions, LATEST)
        except KafkaException:
            return False
        return all(positions[partition] >= end for partition, end in ends.items())

    @property
    def done_offsets(self) -> dict[Partition, int]:
        """(topic, partition) -> offset after the last message that is finished, of the partitions that are owned."""
        return dict(self._ownership.done_offsets)

    @property
    def lag(self) -> int:
        """Messages of the owned partitions that lie ahead, as of the last fetch."""
        messages = 0
        for partition, position in self._next_positions().items():
            if watermarks := self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True):
                messages += GroupPosition(*watermarks, position).behind
        return messages

    def finish(self, batch: Batch) -> None:
        """Note that all that follows from a batch is committed."""
        self._ownership.finish(batch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close(leave=kind is None)

    def close(self, *, leave: bool = False) -> None:
        """Stop reading; the group holds this member's place for the session timeout, unless it leaves.

        Nothing that was read here may be in flight any more: it could be another member's by then. Partitions that the
        group has asked for by now are released first, so that the rebalance goes on: see OrphanMonitor.

        Args:
            leave: whether it ends for good, as after SIGTERM: others get its partitions at once. What is made again, or
                started again after a crash, keeps its place instead.

        Raises:
            CloseTimeout: it takes longer than 10 s; the process should end.
        """
        try:
            if leave:
                self._membership.leave()
            self._membership.close()
        finally:
            self._orphans.close()  # with the query's clients: the consumer's callbacks would keep them alive

    def _consume(self) -> list[Message]:
        """Return the messages that wait, at most a batch; none after 0.2 s without any."""
        # Leaving makes the group rebalance, and that one hands the orphans out.
        if self._orphans.should_rejoin():
            log.warning("orphan_partitions", action="leave the group and join it again")
            self._consumer.unsubscribe()
            self._membership.subscribe(self._topics)
        # consume() of more than one waits for all of them until the timeout.
        messages = self._consumer.consume(1, FIRST_MESSAGE_WAIT_SECONDS)
        if messages and self._batch_max > 1:
            messages += self._consumer.consume(self._batch_max - 1, 0)
        self.full = len(messages) >= self._batch_max
        if self._stalls.note(got_messages=bool(messages), positions=self._next_positions):
            self.unstable.inc()
        return messages

    def _next_positions(self) -> dict[Partition, int]:
        """Return the offset that comes next in each owned partition, after control records that were passed."""
        # Ends count control records (the markers of Kafka transactions). The client's position passes them, while the
        # offset after the last message does not.
        next_offsets = self._ownership.next_offsets
        found = self._consumer.position([TopicPartition(*partition) for partition in next_offsets])
        positions = {(partition.topic, partition.partition): partition.offset for partition in found}
        return {partition: max(position, next_offsets[partition]) for partition, position in positions.items()}

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # From the oldest message on: what is fetched before the position is set and sought is not accepted. Asking for
        # the position here would block the rebalance.
        consumer.incremental_assign([TopicPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in partitions])
        # One that was paused when it was lost would stay paused: resume() reaches only what is assigned.
        consumer.resume(partitions)
        self._ownership.on_assign(consumer, partitions)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # The next owner reads the committed offsets once this returns: a batch in flight must have moved them.
        self.settle()
        self._ownership.on_revoke(consumer, partitions)
