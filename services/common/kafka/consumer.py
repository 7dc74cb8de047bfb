"""Reads topics as one member of a consumer group; who reads says where a partition goes on.

What scorer and sink have in common: the consumer and its settings, the batch that follows the load, and ownership.
"""

from collections.abc import Callable, Iterable
from functools import cached_property

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from services.common.kafka.assignment import Ownership, Partition, is_drained, lag, watermarks
from services.common.kafka.closing import Membership
from services.common.kafka.orphans import OrphanMonitor
from services.common.logs import get_logger
from services.common.settings import GroupSettings, KafkaSettings

FIRST_MESSAGE_WAIT_SECONDS = 0.2
QUEUED_KIB = 8_192
"""What librdkafka may have read ahead; 64 MiB by default, and small messages take several times their size."""

log = get_logger()


class GroupConsumer:
    """A consumer and what it owns. Batches follow the load: a lone message at once, all that waits under load.

    Attributes:
        before_revoke: called before partitions are given up; must return once nothing of theirs is being written.
        full: whether the last read had as many messages as a batch may have; likely more wait.
    """

    def __init__(self, kafka: KafkaSettings, settings: GroupSettings, topics: list[str], member: str) -> None:
        self.before_revoke: Callable[[], None] = lambda: None
        self.full = False
        self._kafka = kafka
        self._topics = topics
        self._batch_max = settings.batch_max_messages
        self._ownership = Ownership()
        self._unowned = OrphanMonitor(settings.group_id, topics)
        self._consumer = Consumer(
            kafka.client_config(
                group_id=settings.group_id,
                group_instance_id=member,
                partition_assignment_strategy="cooperative-sticky",
                session_timeout_ms=settings.session_timeout_ms,
                heartbeat_interval_ms=1_000,  # by which a member learns of a rebalance; 3 s by default
                max_poll_interval_ms=settings.max_poll_interval_ms,
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                isolation_level="read_committed",
                auto_offset_reset="error",  # never skip in silence, nor begin anew
                fetch_queue_backoff_ms=20,
                queued_max_messages_kbytes=QUEUED_KIB,
            )
        )
        self._membership = Membership(self._consumer, self._on_assign, self._on_revoke)
        self._membership.subscribe(topics)

    @property
    def ready(self) -> bool:
        """Whether this member has joined the group and knows where its partitions stand."""
        return self._ownership.assigned_once and not self._ownership.unpositioned

    @property
    def drained(self) -> bool:
        """Whether everything there is has been read, as far as this member has advanced."""
        return is_drained(self._consumer, self._ownership, self._edge_offsets)

    @property
    def done_offsets(self) -> dict[Partition, int]:
        """(topic, partition) -> offset after the last message that is finished, of the partitions that are owned."""
        return dict(self._ownership.done_offsets)

    @property
    def lag(self) -> int:
        """Messages of the owned partitions that lie ahead."""
        return lag(self._consumer, self._ownership)

    def close(self) -> None:
        """Leave off reading; the group keeps this member's place for the session timeout.

        What the group has asked for by now is given up before, and with it the rebalance goes on: see UnownedWatch.
        Nothing may be under way any more that was read here: what is written later could be another member's by then.

        Raises:
            CloseTimeout: it takes longer than 10 s; the process should end.
        """
        try:
            self._membership.close()
        finally:
            self._forget_admin()  # its threads end with it; the consumer's callbacks keep this object alive

    def _consume(self) -> list[Message]:
        """Return the messages that wait, at most a batch; none after 0.2 s without any."""
        if self._unowned.should_rejoin(self._admin):
            log.warning("partitions without an owner", does="leave the group and join it again")
            self._consumer.unsubscribe()
            self._membership.subscribe(self._topics)
        messages = self._consumer.consume(1, FIRST_MESSAGE_WAIT_SECONDS)
        if messages and self._batch_max > 1:
            messages += self._consumer.consume(self._batch_max - 1, 0)
        self.full = len(messages) >= self._batch_max
        return messages

    def _edge_offsets(self, places: Iterable[Partition], edge: OffsetSpec) -> dict[Partition, int]:
        """Return the earliest or the latest offset of each partition.

        A client that failed is not asked again. After a broker's restart it may ask for ever with the leader epochs of
        the time before, and be refused (FENCED_LEADER_EPOCH).

        Raises:
            KafkaException: a broker does not answer.
        """
        try:
            return watermarks(self._admin, places, edge)
        except KafkaException:
            self._forget_admin()
            raise

    @cached_property
    def _admin(self) -> AdminClient:
        return AdminClient(self._kafka.client_config())

    def _forget_admin(self) -> None:
        self.__dict__.pop("_admin", None)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Take partitions over from their oldest message on; who positions them seeks.

        One that was paused when it was lost would be paused for good: resume() reaches only what is assigned.
        """
        consumer.incremental_assign([TopicPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in partitions])
        consumer.resume(partitions)
        self._ownership.on_assign(consumer, partitions)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Give partitions up once nothing of theirs is being written: their next owner begins where that ends."""
        self.before_revoke()
        self._ownership.on_revoke(consumer, partitions)
