"""Tracks which partitions a group member owns and which offset comes next in each, and accepts messages by it.

Kafka does not check that a member commits offsets only of partitions it owns (KIP-447 fences generations, not
partitions), and a fetched batch may hold messages of a partition that has been revoked meanwhile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from services.common.errors import Retry, Stop
from services.common.kafka.offsets import Partition
from services.common.logs import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages to process together, and the offsets that follow from them.

    Attributes:
        messages: in the order of reading; within a partition by offset.
        next_offsets: (topic, partition) -> offset after the last of its messages.
        first_offsets: (topic, partition) -> offset that was expected when the batch was read. Lower than the offset of
            the first message where a marker of a Kafka transaction or a compacted record lies between.
        first_timestamps: (topic, partition) -> Kafka's timestamp of the first of its messages, in ms.
    """

    messages: list[Message] = field(default_factory=list)
    next_offsets: dict[Partition, int] = field(default_factory=dict)
    first_offsets: dict[Partition, int] = field(default_factory=dict)
    first_timestamps: dict[Partition, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.messages)

    def offsets(self) -> list[TopicPartition]:
        """Return the offsets to commit."""
        return [TopicPartition(topic, partition, offset) for (topic, partition), offset in self.next_offsets.items()]

    def position_of(self, row: int) -> str:
        """Return topic/partition/offset of one of its messages, for a log."""
        message = self.messages[row]
        return f"{message.topic()}/{message.partition()}/{message.offset()}"

    def age_seconds(self, now: float) -> float:
        """Return how long ago the oldest message was written to its topic, given the time in seconds since 1970.

        Never below 0, though clocks may differ.
        """
        # Only of the first message of each partition: it costs nothing a message.
        return max(0.0, now - min(self.first_timestamps.values(), default=now * 1000) / 1000)


class Ownership:
    """The partitions of one group member. Its callbacks run in consume() and close(): they never block or raise.

    Attributes:
        next_offsets: (topic, partition) -> the offset that is accepted next.
        done_offsets: (topic, partition) -> offset after the last message whose effects are committed.
        unpositioned: partitions of which the next offset is not known yet.
        assigned_once: whether the group has assigned anything yet, be it no partition.
        assignments: (topic, partition) -> how often it was assigned to this member.
    """

    def __init__(self) -> None:
        self.next_offsets: dict[Partition, int] = {}
        self.done_offsets: dict[Partition, int] = {}
        self.unpositioned: set[Partition] = set()
        self.assigned_once = False
        self.assignments: dict[Partition, int] = {}

    def on_assign(self, _: Consumer, partitions: Iterable[TopicPartition]) -> None:
        """Take partitions over; nothing of them is accepted before set_positions() says where they begin."""
        self.assigned_once = True
        for assigned in partitions:
            partition = (assigned.topic, assigned.partition)
            self.unpositioned.add(partition)
            self.assignments[partition] = self.assignments.get(partition, 0) + 1

    def on_revoke(self, _: Consumer, partitions: Iterable[TopicPartition]) -> None:
        """Release partitions, those that were lost too."""
        for revoked in partitions:
            partition = (revoked.topic, revoked.partition)
            self.unpositioned.discard(partition)
            self.next_offsets.pop(partition, None)
            self.done_offsets.pop(partition, None)

    def set_positions(self, offsets: Mapping[Partition, int]) -> None:
        """Set the next offset to accept of partitions; of one that was revoked meanwhile it is ignored."""
        for partition, offset in offsets.items():
            if partition in self.unpositioned:
                self.unpositioned.discard(partition)
                self.next_offsets[partition] = self.done_offsets[partition] = offset

    def invalidate(self) -> None:
        """Discard all positions: they must be set again."""
        self.unpositioned |= self.next_offsets.keys()
        self.next_offsets.clear()

    def accept(self, messages: Iterable[Message]) -> Batch:
        """Return the messages of owned partitions from their next offsets on; advance() moves these.

        Raises:
            Retry, Stop: the client reports an error from which it does not recover by itself.
        """
        batch = Batch()
        expected, taken = self.next_offsets, batch.next_offsets
        for message in messages:
            partition: Partition = (message.topic(), message.partition())  # type: ignore[assignment]  # it was read
            offset: int = message.offset()  # type: ignore[assignment]
            if error := message.error():
                if error.code() != KafkaError._AUTO_OFFSET_RESET:
                    check_error(error)
                elif offset >= expected.get(partition, offset + 1):  # otherwise it was asked for before a seek
                    raise Retry(f"{partition[0]}/{partition[1]} does not hold offset {offset}, which comes next")
                continue
            start = taken.get(partition)
            if start is None:
                start = expected.get(partition)
                if start is None:
                    continue  # fetched before the partition was revoked, or before its position was set
                if offset >= start:
                    batch.first_timestamps[partition] = message.timestamp()[1]
            # Lower ones were fetched before a seek, or twice: by a revoked assignment and by the one after it.
            if offset >= start:
                batch.messages.append(message)
                taken[partition] = offset + 1
        batch.first_offsets.update({partition: expected[partition] for partition in taken})
        return batch

    def advance(self, batch: Batch) -> None:
        """Move the next offsets past a batch: none of its messages is accepted again."""
        for partition, offset in batch.next_offsets.items():
            if partition in self.next_offsets:  # not revoked since
                self.next_offsets[partition] = offset

    def finish(self, batch: Batch) -> None:
        """Note that a batch's effects are committed."""
        for partition, offset in batch.next_offsets.items():
            if partition in self.done_offsets:
                self.done_offsets[partition] = offset


def check_error(error: KafkaError) -> None:
    """Log an error from which librdkafka recovers by itself.

    Raises:
        Retry: the group reassigned this member's partitions because it was slow.
        Stop: as check_fatal().
    """
    check_fatal(error)
    if error.code() == KafkaError._MAX_POLL_EXCEEDED:
        raise Retry(f"the consumer was too slow: {error.str()}")
    log.warning("kafka_client_error", error=error.name(), detail=error.str())


def check_fatal(error: KafkaError) -> None:
    """Raise on an error after which a client does nothing any more.

    Raises:
        Stop: another process has taken this member's place, or librdkafka gives up.
    """
    # Reported once, as _FATAL; an error that consume() returns does not have its fatal flag set.
    if error.code() == KafkaError._FATAL or error.fatal():
        raise Stop(f"the consumer failed for good: {error.str()}")
