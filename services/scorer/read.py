"""Reads `transactions` as one member of the scorers' group. Knows nothing of what a message holds."""

from typing import Any

from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition

from services.common.errors import Retry
from services.common.group import GroupReader
from services.common.kafka import Batch

POSITION_TIMEOUT_SECONDS = 10.0


class Source(GroupReader):
    """A consumer that goes on where the group's committed offsets say."""

    def read(self, at_most: int | None = None) -> Batch:
        """Return the messages that wait, at most a batch or fewer; an empty batch after 0.2 s without any.

        What is returned counts as taken up: if it is not written, this consumer is of no use any more.

        Raises:
            Retry: the consumer must be made anew.
        """
        try:
            messages = self._consume(at_most)
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
        return {place[1]: self._ownership.assignments[place] for place in self._ownership.next_offsets}

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
