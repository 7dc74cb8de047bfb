"""Writes a batch's scores, rejects and offsets in one Kafka transaction. Knows nothing of how a score comes about."""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from services.common.errors import FraudError, Reject, Retry, Stop
from services.common.kafka.assignment import Batch
from services.common.kafka.dead_letters import Headers, cut, error_headers
from services.common.logs import get_logger
from services.common.process import Watchdog
from services.common.settings import KafkaSettings, TopicSettings
from services.scorer.history.changelog import Record
from services.scorer.settings import ScorerSettings

ABORT_TIMEOUT_SECONDS = 1.0
INIT_TIMEOUT_SECONDS = 5.0
OFFSETS_GRACE_SECONDS = 1.0
"""The client's own timeout may come late by so much, or not at all (librdkafka #5456): then the process ends."""
QUEUE_WAIT_SECONDS = 0.05
PARTITION_UA = -1
"""librdkafka's RD_KAFKA_PARTITION_UA: the partitioner chooses by the key."""

NO_RETRY_MENDS = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.INVALID_TRANSACTION_TIMEOUT,
        KafkaError.UNSUPPORTED_VERSION,
    }
)

log = get_logger()


class ScoreWriter:
    """A transactional producer. After any failure or doubt it is thrown away: librdkafka speaks the transaction
    protocol before KIP-890, and only a new producer instance fences what the old one may still have under way.
    """

    def __init__(
        self, kafka: KafkaSettings, settings: ScorerSettings, topics: TopicSettings, member: str, watchdog: Watchdog
    ) -> None:
        self._topics = topics
        self._watchdog = watchdog
        self._offsets_seconds = settings.transaction_timeout_ms / 1000
        self._commit_seconds = settings.commit_timeout_ms / 1000
        self._doubted = False
        self._open = False
        self._producer = Producer(
            kafka.client_config(
                transactional_id=member,
                transaction_timeout_ms=settings.transaction_timeout_ms,
                partitioner="murmur2_random",
                compression_type="lz4",
                linger_ms=5,
                retry_backoff_ms=10,  # 100 by default: what a small Kafka transaction would wait for the one before it
                queue_buffering_max_messages=max(100_000, 4 * settings.batch_max_messages),
                error_cb=self._on_error,
            )
        )

    def open(self, wait: Callable[[], None]) -> None:
        """Take this member's transactional id: fences a twin, aborts what a killed predecessor left open.

        Args:
            wait: called after each try that timed out; may raise to give up.

        Raises:
            Retry: the broker refused; Stop: the configuration or the rights are wrong.
        """
        while True:
            try:
                self._producer.init_transactions(INIT_TIMEOUT_SECONDS)
            except KafkaException as error:
                kafka_error: KafkaError = error.args[0]
                if not kafka_error.retriable():
                    raise _fate(kafka_error, "taking the transactional id") from error
                wait()
            else:
                self._producer.poll(0)
                self._doubted = False  # what went wrong before is fenced now
                return

    def write(
        self,
        batch: Batch,
        scores: list[Record],
        alerts: list[Record],
        rejects: Mapping[int, Reject],
        memories: Mapping[int, list[Record]],
        spans: list[Record],
        group_metadata: Any,
    ) -> None:
        """Write everything that follows from a batch, or nothing of it:

        1. begin a Kafka transaction
        2. produce the scores and the alerts
        3. produce the rejects to the dead letters, original key and value untouched
        4. produce what the history remembers, to the partition it belongs to
        5. produce which model scored the batch, where that is new
        6. add the batch's offsets
        7. commit; from here on it is done

        Raises:
            Retry: nothing was written, or what was written is aborted by the next producer of this member.
        """
        self._producer.poll(0)
        if self._doubted:
            raise Retry("the connection broke since the last Kafka transaction began")
        try:
            self._producer.begin_transaction()
            self._open = True
            self._produce_all(self._topics.scores, scores)
            self._produce_all(self._topics.alerts, alerts)
            for row, reject in rejects.items():
                self._produce_reject(batch.messages[row], reject)
            for partition, records in memories.items():
                self._produce_all(self._topics.history, records, partition)
            self._produce_all(self._topics.models, spans)
            self._send_offsets(batch, group_metadata)
            self._commit()
            self._open = False
        except KafkaException as error:
            raise _fate(error.args[0], "writing a batch") from error

    def close(self) -> None:
        """Abort what is open, as far as that can be done quickly, and let the producer go: its threads end with it.

        Its callback refers to this object and this object to it, so else it would live until Python looks for cycles.
        """
        if self._open:
            with contextlib.suppress(KafkaException):
                self._producer.abort_transaction(ABORT_TIMEOUT_SECONDS)
            self._producer.purge()
        del self._producer

    def _send_offsets(self, batch: Batch, group_metadata: Any) -> None:
        with self._watchdog.within(self._offsets_seconds + OFFSETS_GRACE_SECONDS):
            self._producer.send_offsets_to_transaction(batch.offsets(), group_metadata, self._offsets_seconds)

    def _commit(self) -> None:
        """Commit, again if the broker asks for it: a commit resumes where it was.

        Not for ever: past its timeout the broker has aborted the Kafka transaction, and a new producer learns how it
        ended. With the offsets before it this stays below the watchdog's limit.
        """
        deadline = time.monotonic() + self._commit_seconds
        while True:
            try:
                self._producer.commit_transaction(max(0.1, deadline - time.monotonic()))
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() >= deadline:
                    raise
                self._doubted = True
            else:
                return

    def _produce_all(self, topic: str, records: list[Record], partition: int = PARTITION_UA) -> None:
        """Queue all records; produce_batch() drops silently what a full queue cannot take and only marks it.

        The partition is an argument of the call: produce_batch() ignores one that stands in a record.
        """
        while records:
            accepted = self._producer.produce_batch(topic, records, partition=partition)
            if accepted == len(records):
                return
            left = [record for record in records if "_error" in record]
            for record in left:
                error: Any = record.pop("_error")
                if error.code() != KafkaError._QUEUE_FULL:
                    raise KafkaException(error)
            records = left
            self._producer.poll(QUEUE_WAIT_SECONDS)

    def _produce_reject(self, message: Message, reject: Reject) -> None:
        headers = error_headers(message, reject)
        try:
            self._produce_one(self._topics.dead_letters, message.value(), message.key(), headers)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                raise
            self._produce_one(self._topics.dead_letters, *cut(message, headers))

    def _produce_one(self, topic: str, value: bytes | None, key: bytes | None, headers: Headers) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers)
            except BufferError:
                self._producer.poll(QUEUE_WAIT_SECONDS)
            else:
                return

    def _on_error(self, error: KafkaError) -> None:
        self._doubted = True
        log.warning("kafka", error=error.name(), detail=error.str())


def _fate(error: KafkaError, doing: str) -> FraudError:
    sentence = f"{doing} failed: {error.name()}: {error.str()}"
    return Stop(sentence) if error.code() in NO_RETRY_MENDS else Retry(sentence)
