"""Asks the brokers where topics and groups stand; for processes that live long. Joins no group, commits nothing."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from services.common.errors import Reason, Reject
from services.common.kafka.assignment import BROKER_TIMEOUT_SECONDS, Partition
from services.common.kafka.closing import close_or_leave
from services.common.settings import KafkaSettings

Answer = TypeVar("Answer")


class BrokerQuery:
    """An admin client, and a consumer for each group that is asked about. A failure closes them; new ones are made.

    A client that failed is not asked again: after a kill -9 of the broker one went on asking with the leader epochs of
    the time before, and was refused for ever (FENCED_LEADER_EPOCH).
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._admin: AdminClient | None = None
        self._consumers: dict[str, Consumer] = {}

    def ask(self, question: Callable[[AdminClient], Answer]) -> Answer:
        """Return what `question` returns, given an admin client.

        Raises:
            KafkaException: `question` raised it.
        """
        if self._admin is None:
            self._admin = AdminClient(self._config())
        try:
            return question(self._admin)
        except KafkaException:
            self.close()
            raise

    def committed(
        self, group: str, places: Iterable[Partition], timeout_seconds: float = BROKER_TIMEOUT_SECONDS
    ) -> dict[Partition, int]:
        """Return (topic, partition) -> the offset a group has committed; partitions without one are left out.

        Not by AdminClient.list_consumer_group_offsets: while a new cluster has no coordinator yet, that ends the
        process (SIGSEGV, confluent-kafka 2.16.1).

        Raises:
            KafkaException: a broker does not answer in time, or refuses.
        """
        wanted = [TopicPartition(*place) for place in places]
        if not wanted:
            return {}
        if group not in self._consumers:
            # read_uncommitted: else a Kafka transaction that is open keeps the broker from telling what came before it
            config = self._config(group_id=group, enable_auto_commit=False, isolation_level="read_uncommitted")
            self._consumers[group] = Consumer(config)
        try:
            return _offsets(self._consumers[group].committed(wanted, timeout_seconds))
        except KafkaException:
            self.close()
            raise

    def close(self) -> None:
        """Close the clients, as far as that goes in time; the next question makes new ones."""
        self._admin = None
        while self._consumers:
            _, consumer = self._consumers.popitem()
            close_or_leave(consumer)

    def _config(self, **own: Any) -> dict[str, Any]:
        # log_level 0: whoever asks reports an outage once, librdkafka would log a line a second.
        return self._kafka.client_config(**own) | {"log_level": 0}


def _offsets(answer: Iterable[TopicPartition]) -> dict[Partition, int]:
    found = {}
    for place in answer:
        if place.error is not None:
            raise KafkaException(place.error)
        if place.offset >= 0:
            found[place.topic, place.partition] = place.offset
    return found


@lru_cache(maxsize=1_024)
def moment_of(timestamp_ms: int) -> datetime:
    """Return the time of Kafka's timestamp: producers write it, and a broker takes almost any 64 bits.

    Messages that were written together have the same one.

    Raises:
        Reject: no datetime can hold it.
    """
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        message = f"{timestamp_ms} ms is outside of the years 1 to 9999"
        raise Reject(Reason.OUT_OF_RANGE, "timestamp", message) from None
