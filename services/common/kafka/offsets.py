"""Asks the brokers where topics and groups stand. Joins no group, commits nothing."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    ConsumerGroupDescription,
    OffsetSpec,
)

from services.common.errors import Reason, Reject
from services.common.kafka.closing import close_or_leave
from services.common.logs import get_logger
from services.common.process import Backoff
from services.common.settings import KafkaSettings

Partition = tuple[str, int]
"""(topic, partition)"""

BROKER_TIMEOUT_SECONDS = 10.0
CLUSTER_TIMEOUT_SECONDS = 5.0
COORDINATOR_ANSWER_SECONDS = 3.0
COORDINATOR_RETRY_SECONDS = 0.2
LONGEST_REQUEST_SECONDS = 3_600.0
COORDINATOR_COMES = frozenset(
    {
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
        KafkaError._TIMED_OUT,
    }
)
"""A new cluster has no group coordinator: the first request for one creates its topic, and is refused or, by librdkafka
2.16, left unanswered. A coordinator that has just taken a group over loads it first.
"""

EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]

Answer = TypeVar("Answer")


class BrokerQuery:
    """An admin client, and a consumer for each group that is asked about; for processes that live long.

    A failure closes them, the next question makes new ones. A client that failed is not asked again: after a kill -9 of
    the broker one went on asking with the leader epochs of the time before, and was refused for ever
    (FENCED_LEADER_EPOCH).
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

    def watermarks(
        self,
        partitions: Iterable[Partition],
        edge: OffsetSpec,
        isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
        timeout_seconds: float = BROKER_TIMEOUT_SECONDS,
    ) -> dict[Partition, int]:
        """Return the offset of each partition, as watermarks() does."""
        return self.ask(lambda admin: watermarks(admin, partitions, edge, isolation, timeout_seconds))

    def partitions(self, topics: Iterable[str], timeout_seconds: float = BROKER_TIMEOUT_SECONDS) -> list[Partition]:
        """Return the partitions of those of the topics that there are.

        Raises:
            KafkaException: no broker answers.
        """
        found = self.ask(lambda admin: admin.list_topics(timeout=timeout_seconds)).topics
        return [(topic, partition) for topic in topics if topic in found for partition in found[topic].partitions]

    def committed(
        self, group: str, partitions: Iterable[Partition], timeout_seconds: float = BROKER_TIMEOUT_SECONDS
    ) -> dict[Partition, int]:
        """Return (topic, partition) -> the offset a group has committed; partitions without one are left out.

        Raises:
            KafkaException: a broker does not answer in time, or refuses.
        """
        # Not by AdminClient.list_consumer_group_offsets: while a new cluster has no coordinator yet, that ends the
        # process (SIGSEGV, confluent-kafka 2.16.1).
        wanted = [TopicPartition(*partition) for partition in partitions]
        if not wanted:
            return {}
        if group not in self._consumers:
            # read_uncommitted: else a Kafka transaction that is open keeps the broker from saying what came before it
            config = self._config(group_id=group, enable_auto_commit=False, isolation_level="read_uncommitted")
            self._consumers[group] = Consumer(config)
        try:
            return _offsets(self._consumers[group].committed(wanted, timeout_seconds))
        except KafkaException:
            self.close()
            raise

    def members(self, group: str, timeout_seconds: float = BROKER_TIMEOUT_SECONDS) -> int:
        """Return how many members a group has, 0 if it is unknown; waits for its coordinator.

        Raises:
            KafkaException: a broker does not answer in time, or refuses: who may not see the group must not hear that
                it has no members.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                return self.ask(lambda admin: _members(admin, group))
            except KafkaException as error:
                if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                    return 0
                if error.args[0].code() not in COORDINATOR_COMES or time.monotonic() > deadline:
                    raise
            time.sleep(COORDINATOR_RETRY_SECONDS)

    def close(self) -> None:
        """Close the clients, as far as that goes in time; the next question makes new ones."""
        self._admin = None
        while self._consumers:
            _, consumer = self._consumers.popitem()
            close_or_leave(consumer)

    def _config(self, **own: Any) -> dict[str, Any]:
        # log_level 0: whoever asks reports an outage once, librdkafka would log a line a second.
        return self._kafka.client_config(**own) | {"log_level": 0}


def wait_for_cluster(kafka: KafkaSettings, wait: Callable[[float], bool]) -> str | None:
    """Return the id of the Kafka cluster as soon as a broker answers; None if given up before.

    Args:
        wait: waits for some seconds before the next try, and returns whether to give up.
    """
    query, backoff = BrokerQuery(kafka), Backoff()
    while True:
        try:
            cluster_id = query.ask(lambda admin: admin.list_topics(timeout=CLUSTER_TIMEOUT_SECONDS).cluster_id)
        except KafkaException as error:
            get_logger().warning("kafka_unavailable", reason=error.args[0].str())
        else:
            if cluster_id:
                return str(cluster_id)
        if backoff.wait(wait):
            return None


def describe_group(admin: AdminClient, group: str) -> Future[ConsumerGroupDescription]:
    """Ask a group's coordinator about the group.

    The request has no timeout worth the name. Whoever does not want to wait any longer gives its client up: a request
    to a coordinator that librdkafka 2.16 lets time out while no broker answers aborts the process when one does
    (docs/experiments.md).
    """
    return admin.describe_consumer_groups([group], request_timeout=LONGEST_REQUEST_SECONDS)[group]


def _members(admin: AdminClient, group: str) -> int:
    return len(answer_of(describe_group(admin, group), COORDINATOR_ANSWER_SECONDS).members)


def _offsets(answer: Iterable[TopicPartition]) -> dict[Partition, int]:
    found = {}
    for partition in answer:
        if partition.error is not None:
            raise KafkaException(partition.error)
        if partition.offset >= 0:
            found[partition.topic, partition.partition] = partition.offset
    return found


def watermarks(
    admin: AdminClient,
    partitions: Iterable[Partition],
    edge: OffsetSpec,
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    timeout_seconds: float = BROKER_TIMEOUT_SECONDS,
) -> dict[Partition, int]:
    """Return the EARLIEST or the LATEST offset of each partition, asked of the brokers in one request each.

    `edge` may also be a moment in time: then it is the first offset from it on, -1 where there is none.

    Raises:
        KafkaException: a broker does not answer, or knows no earliest or latest offset.
    """
    wanted = {TopicPartition(*partition): edge for partition in partitions}
    if not wanted:
        return {}
    answers = admin.list_offsets(wanted, isolation_level=isolation, request_timeout=timeout_seconds)
    found = {(asked.topic, asked.partition): answer_of(answer).offset for asked, answer in answers.items()}
    if edge in (EARLIEST, LATEST) and min(found.values(), default=0) < 0:
        raise KafkaException(KafkaError(KafkaError.OFFSET_NOT_AVAILABLE))
    return found


def answer_of(future: "Future[Answer]", timeout_seconds: float | None = None) -> Answer:
    """Return what the brokers answered to an admin client.

    Args:
        timeout_seconds: how long to wait; None: until the request's own timeout.

    Raises:
        KafkaException: they did not, or refused.
    """
    # A copy of the error is raised. The one in the future would keep the frames it was raised through, and these the
    # future and its client: threads and memory would stay until the garbage collector runs, which it seldom does here.
    try:
        error = future.exception(timeout_seconds)
    except TimeoutError:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from None
    if error:
        raise type(error)(*error.args)
    return future.result()


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
