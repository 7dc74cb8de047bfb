"""What every reader of a topic has in common: which partitions are its own and which offset comes next in each.

Kafka does not check that a member commits offsets only of partitions it owns (KIP-447 fences generations, not
partitions), and a fetched batch may hold records of a partition that has been revoked meanwhile. So ownership is kept
here, and records are accepted by it.
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
    """Records to process together, and where their partitions stand afterwards.

    Attributes:
        messages: in the order of reading; within a partition by offset.
        next_offsets: (topic, partition) -> offset after the last of its messages.
        first_offsets: (topic, partition) -> offset that was expected when the batch was read.
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

    def place_of(self, row: int) -> str:
        """Return topic/partition/offset of one of its messages, for a log."""
        message = self.messages[row]
        return f"{message.topic()}/{message.partition()}/{message.offset()}"

    def age_seconds(self, now: float) -> float:
        """Return how long ago the oldest message was written to its topic, given the time in seconds since 1970.

        Looks at the first message of each partition, so it costs nothing a message. Clocks may differ: never below 0.
        """
        return max(0.0, now - min(self.first_timestamps.values(), default=now * 1000) / 1000)


class Ownership:
    """The partitions of one group member. Callbacks run in consume() and close(), edit memory alone, never raise.

    Attributes:
        next_offsets: (topic, partition) -> the offset that is accepted next.
        done_offsets: (topic, partition) -> offset after the last message whose effects are committed.
        unpositioned: partitions of which it is not known yet where they stand.
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
        for partition in partitions:
            place = (partition.topic, partition.partition)
            self.unpositioned.add(place)
            self.assignments[place] = self.assignments.get(place, 0) + 1

    def on_revoke(self, _: Consumer, partitions: Iterable[TopicPartition]) -> None:
        """Give partitions up. Also for partitions that were lost."""
        for partition in partitions:
            place = (partition.topic, partition.partition)
            self.unpositioned.discard(place)
            self.next_offsets.pop(place, None)
            self.done_offsets.pop(place, None)

    def set_positions(self, offsets: Mapping[Partition, int]) -> None:
        """Set the next offset to accept of partitions; of one that was revoked meanwhile it is ignored."""
        for place, offset in offsets.items():
            if place in self.unpositioned:
                self.unpositioned.discard(place)
                self.next_offsets[place] = self.done_offsets[place] = offset

    def invalidate(self) -> None:
        """Forget where the partitions stand: they must be positioned again."""
        self.unpositioned |= self.next_offsets.keys()
        self.next_offsets.clear()

    def accept(self, messages: Iterable[Message]) -> Batch:
        """Return the messages that are ours and new; advance() makes them old.

        Raises:
            Retry, Stop: the client reports an error that it does not mend by itself.
        """
        batch = Batch()
        expected, taken = self.next_offsets, batch.next_offsets
        for message in messages:
            place: Partition = (message.topic(), message.partition())  # type: ignore[assignment]  # read, so it has both
            offset: int = message.offset()  # type: ignore[assignment]
            if error := message.error():
                if error.code() != KafkaError._AUTO_OFFSET_RESET:
                    check_error(error)
                elif offset >= expected.get(place, offset + 1):  # else it tells of the time before a seek
                    raise Retry(f"{place[0]}/{place[1]} does not hold offset {offset}, which comes next")
                continue
            start = taken.get(place)
            if start is None:
                start = expected.get(place)
                if start is None:
                    continue  # not ours any more, or not positioned yet
                if offset >= start:
                    batch.first_timestamps[place] = message.timestamp()[1]
            if offset >= start:
                batch.messages.append(message)
                taken[place] = offset + 1
        batch.first_offsets.update({place: expected[place] for place in taken})
        return batch

    def advance(self, batch: Batch) -> None:
        """Note that a batch is taken up: none of its messages is accepted again."""
        for place, offset in batch.next_offsets.items():
            if place in self.next_offsets:
                self.next_offsets[place] = offset

    def finish(self, batch: Batch) -> None:
        """Note that a batch's effects are committed."""
        for place, offset in batch.next_offsets.items():
            if place in self.done_offsets:
                self.done_offsets[place] = offset


def check_error(error: KafkaError) -> None:
    """Log an error that librdkafka mends by itself.

    Raises:
        Retry: the group gave this member's partitions away because it was slow.
        Stop: as check_fatal().
    """
    check_fatal(error)
    if error.code() == KafkaError._MAX_POLL_EXCEEDED:
        raise Retry(f"the consumer was too slow: {error.str()}")
    log.warning("kafka_client_error", error=error.name(), detail=error.str())


def check_fatal(error: KafkaError) -> None:
    """Look for an error after which a client does nothing any more. It is told once; consume() does not set its flag.

    Raises:
        Stop: another process has taken this member's place, or librdkafka gives up.
    """
    if error.code() == KafkaError._FATAL or error.fatal():
        raise Stop(f"the consumer failed for good: {error.str()}")
