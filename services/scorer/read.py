"""Reads `transactions` as one member of the scorers' group."""

from typing import Any

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from services.common.errors import Retry, Stop
from services.common.kafka.assignment import Batch
from services.common.kafka.consumer import GroupConsumer
from services.common.kafka.offsets import EARLIEST, LATEST
from services.common.logs import get_logger
from services.scorer import metrics
from services.scorer.write import GroupMetadata

POSITION_TIMEOUT_SECONDS = 10.0

log = get_logger()


class TransactionSource(GroupConsumer):
    """A consumer that begins at the group's committed offsets."""

    unstable = metrics.UNSTABLE_OFFSETS

    def read(self) -> Batch:
        """Return the messages that wait, at most a batch; an empty batch after 0.2 s without any.

        It is not returned again: if it is not written, this consumer must be replaced.

        Raises:
            Retry: the consumer must be recreated; Stop: the topic was.
        """
        try:
            messages = self._consume()
            if self._ownership.unpositioned:
                self._position()
        except KafkaException as error:
            raise Retry(f"reading failed: {error.args[0].name()}") from error
        batch = self._ownership.accept(messages)
        self._ownership.advance(batch)
        return batch

    def membership(self) -> GroupMetadata:
        """Return a function for any thread that returns what lets a Kafka transaction commit offsets (KIP-447).

        That is of the group's generation as it is when the function is called, but of the member as it is now: a
        partition is given up only once nothing of it is in flight (on_revoke), so it is this member's through any
        rebalance. A member that the group has let go gets another id, and its partitions may be somebody else's.

        Raises:
            Retry: by the function, after that.
        """
        member = self._consumer.memberid()

        def metadata() -> Any:
            found = self._consumer.consumer_group_metadata()
            if self._consumer.memberid() != member:
                raise Retry("the group has let this member go")
            return found

        return metadata

    @property
    def partitions(self) -> dict[int, int]:
        """Partition -> how often it was assigned to this member; those that are owned and have a position."""
        return {
            partition: self._ownership.assignments[topic, partition]
            for topic, partition in list(self._ownership.next_offsets)
        }

    def _position(self) -> None:
        """Set the new partitions to their committed offsets; one without begins with its oldest message.

        Raises:
            Stop: the topic ends before the committed offset: it was recreated.
        """
        # committed() returns stable offsets alone: it waits for a transaction that is pending on a partition, such as
        # its last owner's.
        wanted = list(self._ownership.unpositioned)
        lows = self._query.watermarks(wanted, EARLIEST)
        answer = self._committed([TopicPartition(*partition) for partition in wanted])
        highs = self._query.watermarks(wanted, LATEST)  # after the offsets: another member may be committing
        for topic, partition, offset in ((found.topic, found.partition, found.offset) for found in answer):
            low, high = lows[topic, partition], highs[topic, partition]
            if offset > high:
                reason = f"committed offset {offset} is past the end offset {high}: the topic was recreated"
                raise Stop(f"{topic}/{partition}: {reason}; docs/operations.md says what to do")
            if OFFSET_INVALID != offset < low:
                # Nobody can score them any more, and the messages after them must not wait.
                log.error("offsets_expired", topic=topic, partition=partition, first=offset, last=low - 1)
                metrics.EXPIRED_OFFSETS.inc(low - offset)
            start = max(offset, low)
            self._consumer.seek(TopicPartition(topic, partition, start))
            self._ownership.set_positions({(topic, partition): start})

    def _committed(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Return the committed offsets.

        Raises:
            Retry: brokers that have just answered do not say in time, so somebody's Kafka transaction is open there.
        """
        try:
            return self._consumer.committed(partitions, timeout=POSITION_TIMEOUT_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._TIMED_OUT:
                raise
            self.unstable.inc()
            raise Retry("a Kafka transaction holds the group's offsets back; if this goes on: make doctor") from error
