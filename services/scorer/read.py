"""Reads `transactions` as one member of the scorers' group. Knows nothing of what a message holds."""

from typing import Any

from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from services.common.errors import Retry, Stop
from services.common.kafka.assignment import Batch
from services.common.kafka.consumer import GroupConsumer
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
            Retry: the consumer must be made anew; Stop: the topic was.
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

    def finish(self, batch: Batch) -> None:
        """Note that all that follows from a batch is committed."""
        self._ownership.finish(batch)

    def group_metadata(self) -> Any:
        """Return what lets a Kafka transaction commit offsets for this member (KIP-447)."""
        return self._consumer.consumer_group_metadata()

    @property
    def partitions(self) -> dict[int, int]:
        """The partitions that are owned and positioned -> how often each was assigned to this member."""
        return {place[1]: self._ownership.assignments[place] for place in list(self._ownership.next_offsets)}

    def _position(self) -> None:
        """Ask the group where the new partitions stand: stable offsets alone, no transaction pending on them.

        A partition of which nothing was ever committed begins with its oldest message. So does one whose next messages
        are gone: nobody can score them any more, and the others must not wait for that.

        Raises:
            Stop: the topic ends before the offset that comes next: it was recreated.
        """
        places = set(self._ownership.unpositioned)
        lows = self._edge_offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        answer = self._consumer.committed(
            [TopicPartition(*place) for place in places], timeout=POSITION_TIMEOUT_SECONDS
        )
        committed = {(place.topic, place.partition): place.offset for place in answer}
        highs = self._edge_offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        for place, offset in committed.items():  # the highs are the newer ones
            if offset > highs[place]:
                ends = f"the group stands at {offset}, the topic ends at {highs[place]}: it was recreated"
                raise Stop(f"{place[0]}/{place[1]}: {ends}; docs/operations.md says what to do")
            if OFFSET_INVALID != offset < lows[place]:
                log.error(
                    "gone before they were scored", topic=place[0], partition=place[1], first=offset,
                    last=lows[place] - 1,
                )  # fmt: skip
                metrics.EXPIRED_OFFSETS.inc(lows[place] - offset)
            start = max(offset, lows[place])
            self._consumer.seek(TopicPartition(*place, start))
            self._ownership.position({place: start})
