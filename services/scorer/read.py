"""Reads `transactions` as one member of the scorers' group."""

from typing import Any

from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition

from services.common.errors import Retry, Stop
from services.common.kafka.assignment import Batch
from services.common.kafka.consumer import GroupConsumer
from services.common.kafka.offsets import EARLIEST, LATEST
from services.common.logs import get_logger
from services.scorer import metrics

POSITION_TIMEOUT_SECONDS = 10.0

log = get_logger()


class TransactionSource(GroupConsumer):
    """A consumer that goes on where the group's committed offsets say."""

    def read(self) -> Batch:
        """Return the messages that wait, at most a batch; an empty batch after 0.2 s without any.

        What is returned counts as taken up: if it is not written, this consumer is of no use any more.

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

    def group_metadata(self) -> Any:
        """Return what lets a Kafka transaction commit offsets for this member (KIP-447)."""
        return self._consumer.consumer_group_metadata()

    @property
    def partitions(self) -> dict[int, int]:
        """The partitions that are owned and positioned -> how often each was assigned to this member."""
        return {
            partition: self._ownership.assignments[topic, partition]
            for topic, partition in list(self._ownership.next_offsets)
        }

    def _position(self) -> None:
        """Ask the group where the new partitions stand: stable offsets alone, no transaction pending on them.

        A partition of which nothing was ever committed begins with its oldest message. So does one whose next messages
        are gone: nobody can score them any more, and the others must not wait for that.

        Raises:
            Stop: the topic ends before the offset that comes next: it was recreated.
        """
        wanted = list(self._ownership.unpositioned)
        lows = self._query.watermarks(wanted, EARLIEST)
        answer = self._consumer.committed(
            [TopicPartition(*partition) for partition in wanted], timeout=POSITION_TIMEOUT_SECONDS
        )
        highs = self._query.watermarks(wanted, LATEST)  # after the offsets: another member may be committing
        for topic, partition, offset in ((found.topic, found.partition, found.offset) for found in answer):
            low, high = lows[topic, partition], highs[topic, partition]
            if offset > high:
                reason = f"committed offset {offset} is past the end offset {high}: the topic was recreated"
                raise Stop(f"{topic}/{partition}: {reason}; docs/operations.md says what to do")
            if OFFSET_INVALID != offset < low:
                log.error("offsets_expired", topic=topic, partition=partition, first=offset, last=low - 1)
                metrics.EXPIRED_OFFSETS.inc(low - offset)
            start = max(offset, low)
            self._consumer.seek(TopicPartition(topic, partition, start))
            self._ownership.set_positions({(topic, partition): start})
