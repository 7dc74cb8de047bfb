"""Reads `scores`, `transactions`, `alerts` and `scorer.models` from where the database stands.

The consumer group only assigns the partitions. Where each of them goes on the database says, which stores the offsets
in the same transaction as the rows.
"""

import contextlib
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from services.common.errors import Retry, Stop
from services.common.kafka.assignment import Batch, check_fatal
from services.common.kafka.consumer import GroupConsumer
from services.common.kafka.offsets import BROKER_TIMEOUT_SECONDS, EARLIEST, LATEST, Partition, answer_of
from services.sink import metrics

Locate = Callable[[Mapping[Partition, int], Mapping[str, str]], dict[Partition, int]]
"""Called with (topic, partition) -> low watermark, and topic -> id; returns (topic, partition) -> next offset."""


class SinkSource(GroupConsumer):
    """A consumer that begins where the database says."""

    unstable = metrics.UNSTABLE_OFFSETS

    def read(self, locate: Locate) -> Batch:
        """Return the messages that wait, at most a batch; an empty batch after 0.2 s without any.

        It is not returned again, unless release() goes back to the offsets in the database. Messages of a partition
        that was just assigned are dropped, and the partition is sought to its offset in the database.

        Raises:
            Retry: the database or the broker does not answer.
            Stop: the offset in the database is not one of the topic any more.
        """
        try:
            batch = self._ownership.accept(self._consume())
            if self._ownership.unpositioned:
                self._position(locate)
        except KafkaException as error:
            raise Retry(f"reading failed: {error.args[0].name()}") from error
        self._ownership.advance(batch)
        return batch

    def finish(self, batch: Batch) -> None:
        """Note that a batch is in the database, and commit its offsets to the group, for tools that show its lag."""
        super().finish(batch)
        with contextlib.suppress(KafkaException):
            self._consumer.commit(offsets=batch.offsets(), asynchronous=True)

    def hold(self) -> None:
        """Fetch nothing more until release(); the group keeps this member as long as idle() is called."""
        with contextlib.suppress(KafkaException):
            self._consumer.pause(self._consumer.assignment())

    def idle(self, seconds: float) -> None:
        """Stay in the group without taking messages.

        Raises:
            Stop: as check_fatal().
        """
        with contextlib.suppress(KafkaException):
            for message in self._consumer.consume(1, seconds):
                if error := message.error():
                    check_fatal(error)

    def release(self) -> None:
        """Go on fetching, from the offsets in the database."""
        self._ownership.invalidate()
        with contextlib.suppress(KafkaException):
            self._consumer.resume(self._consumer.assignment())

    def _position(self, locate: Locate) -> None:
        wanted = list(self._ownership.unpositioned)
        lows = self._query.watermarks(wanted, EARLIEST)
        topics = sorted({topic for topic, _ in wanted})
        self.settle()  # a batch in flight moves the offsets in the database, and uses the connection that is asked
        located = locate(lows, self._query.ask(lambda admin: _topic_ids(admin, topics)))
        highs = self._query.watermarks(wanted, LATEST)  # after the offsets: another sink may be writing
        for partition, offset in located.items():
            _check_within(partition, offset, lows[partition], highs[partition])
            self._consumer.seek(TopicPartition(*partition, offset))
            self._ownership.set_positions({partition: offset})


def _topic_ids(admin: AdminClient, topics: list[str]) -> dict[str, str]:
    """Return topic -> the id that Kafka gave it when it was created (KIP-516)."""
    answers = admin.describe_topics(TopicCollection(topics), request_timeout=BROKER_TIMEOUT_SECONDS)
    return {topic: str(answer_of(answer).topic_id) for topic, answer in answers.items()}


def _check_within(partition: Partition, offset: int, low: int, high: int) -> None:
    """Raise Stop if a partition does not hold the database's next offset: never skip silently."""
    name = f"{partition[0]}/{partition[1]}"
    advice = "docs/operations.md says what to do"
    if offset < low:
        raise Stop(f"{name}: offsets {offset} to {low - 1} expired before they were stored (retention); {advice}")
    if offset > high:
        reason = f"the offset {offset} in the database is past the end offset {high}: the topic was recreated"
        raise Stop(f"{name}: {reason}; {advice}")
