"""Publishes records, and with them a group's offsets, in Kafka transactions: whole or not at all."""

import contextlib
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from services.common.errors import FraudError, Retry, Stop
from services.common.kafka.dead_letters import Headers
from services.common.kafka.leftovers import wait_for_ends
from services.common.logs import get_logger
from services.common.settings import KafkaSettings

ABORT_TIMEOUT_SECONDS = 1.0
INIT_TIMEOUT_SECONDS = 5.0
QUEUE_WAIT_SECONDS = 0.05
CONNECTION_LOST = "FAIL"
"""librdkafka's facility for the loss of a connection."""

TELLS_OF_CONNECTIONS = {"log.connection.close": True, "log_level": 7}
"""Whatever KAFKA_CONF_* say: without these lines a lost connection goes unnoticed. Level 7 alone logs nothing more."""

PARTITION_UA = -1
"""librdkafka's RD_KAFKA_PARTITION_UA: the partitioner chooses by the key."""

NOT_RETRYABLE = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.INVALID_TRANSACTION_TIMEOUT,
        KafkaError.UNSUPPORTED_VERSION,
    }
)
REWRITABLE = frozenset({KafkaError.ILLEGAL_GENERATION, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER})
"""The group refuses offsets because a rebalance has come to its next generation. Aborting then drops what was not sent
yet, which leaves a gap in the sequence numbers: the next one is refused for it, and aborting that takes a new epoch."""

TAKEN_OVER = frozenset({KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH})

log = get_logger()


class Rewritable(Retry):
    """Nothing was written, it is certain that all of it is aborted, and the same producer can write it again."""


class TransactionalProducer:
    """Runs one Kafka transaction at a time. After any failure or doubt it must be replaced.

    librdkafka speaks the transaction protocol before KIP-890: only a new producer instance fences what the old one may
    still have under way. An EndTxn whose connection breaks it repeats over a new one by itself, and says so to nobody;
    the first may arrive in the middle of the next Kafka transaction and commit a part of it. So no Kafka transaction
    begins after a connection was lost.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        transactional_id: str,
        topics: Iterable[str],
        *,
        transaction_timeout_ms: int,
        commit_seconds: float,
        **properties: Any,
    ) -> None:
        """Make the client; open() must come before the first transaction.

        Args:
            transactional_id: the same at each start, so that a start aborts what its predecessor left open.
            topics: all that it will write to.
            transaction_timeout_ms: after this the broker aborts a transaction that nobody ends.
            commit_seconds: how long a commit is tried again while the broker asks for it.
            properties: further properties of librdkafka, with underscores.
        """
        self._kafka, self._topics = kafka, tuple(topics)
        self._commit_seconds = commit_seconds
        self._doubted = False
        self._producer = Producer(
            kafka.client_config(
                transactional_id=transactional_id,
                transaction_timeout_ms=transaction_timeout_ms,
                partitioner="murmur2_random",
                compression_type="lz4",
                linger_ms=5,
                retry_backoff_ms=10,  # 100 by default: what a small Kafka transaction would wait for the one before it
                error_cb=self._on_error,
                logger=_ConnectionLog(self._doubt),
                **properties,
            )
            | TELLS_OF_CONNECTIONS
        )

    def open(self, wait: Callable[[], object] = lambda: None, patience_seconds: float = math.inf) -> None:
        """Take the transactional id: fences a twin, aborts what a killed predecessor left open, and waits for its end.

        Args:
            wait: called after each try that timed out, and while waiting; may raise to give up.
            patience_seconds: how long to try.

        Raises:
            Retry: the broker does not answer in time; HeldBack: something has no end; Stop: the configuration or the
                rights are wrong.
        """
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                self._producer.init_transactions(INIT_TIMEOUT_SECONDS)
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise classify_error(error.args[0], "taking the transactional id") from error
                wait()
            else:
                break
        try:
            wait_for_ends(self._kafka, self._topics, wait)
        except KafkaException as error:
            raise classify_error(error.args[0], "looking for open Kafka transactions") from error
        self._producer.poll(0)
        self._doubted = False  # what went wrong before is fenced now

    @contextlib.contextmanager
    def transaction(self, doing: str) -> Iterator[None]:
        """Commit what is sent within the block when it ends; abort it if the block or the commit fails.

        Raises:
            Rewritable: nothing was written, and this producer may write it again.
            Retry: nothing was written, or what was written is aborted by the next producer of this transactional id.
            Stop: likewise; the broker refuses.
        """
        self._producer.poll(0)
        if self._doubted:
            raise Retry("a connection was lost since the last Kafka transaction began")
        try:
            self._producer.begin_transaction()
            yield
            self._commit()
        except BaseException as error:
            is_aborted = self._abort()
            if isinstance(error, KafkaException):
                if is_aborted and error.args[0].code() in REWRITABLE:
                    raise Rewritable(f"{doing} failed: {error.args[0].name()}") from error
                raise classify_error(error.args[0], doing) from error
            raise

    def send_batch(self, topic: str, records: list[dict[str, bytes | None]], partition: int = PARTITION_UA) -> None:
        """Send records, {"key": …, "value": …} each, in their order. One without a value is a tombstone."""
        # produce_batch() ignores a partition that stands in a record. What a full queue cannot take it drops silently
        # and only marks it with "_error".
        while records:
            accepted = self._producer.produce_batch(topic, records, partition=partition)
            if accepted == len(records):
                return
            records = [record for record in records if "_error" in record]
            for record in records:
                error: Any = record.pop("_error")
                if error.code() != KafkaError._QUEUE_FULL:
                    raise KafkaException(error)
            self._producer.poll(QUEUE_WAIT_SECONDS)

    def send(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Headers, partition: int = PARTITION_UA
    ) -> None:
        """Send a record.

        Raises:
            KafkaException: it is too large, among others.
        """
        while True:
            try:
                self._producer.produce(topic, value, key, partition, headers=headers)
            except BufferError:
                self._producer.poll(QUEUE_WAIT_SECONDS)
            else:
                return

    def send_offsets(self, offsets: list[TopicPartition], group_metadata: Any, timeout_seconds: float) -> None:
        """Add a group's offsets to the transaction (KIP-447). The call may take longer than its timeout."""
        self._producer.send_offsets_to_transaction(offsets, group_metadata, timeout_seconds)

    def close(self) -> None:
        """Release the client: its threads end with it.

        Its callback refers to this object and this object to it, so otherwise the garbage collector would have to find
        them.
        """
        del self._producer

    def _commit(self) -> None:
        """Commit, again if the broker asks for it: a commit resumes where it was.

        Not for ever: past its timeout the broker has aborted the Kafka transaction, and a new producer learns how it
        ended.
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

    def _abort(self) -> bool:
        """Abort; return whether that is certain. If not, what was not sent yet is dropped."""
        try:
            self._producer.abort_transaction(ABORT_TIMEOUT_SECONDS)
        except KafkaException:
            self._producer.purge()
            return False
        return True

    def _doubt(self) -> None:
        self._doubted = True

    def _on_error(self, error: KafkaError) -> None:
        self._doubt()
        log.warning("kafka_client_error", error=error.name(), detail=error.str())


class _ConnectionLog:
    """Passes librdkafka's log on, and tells of connections that were lost.

    error_cb hears of a lost connection only if two or more requests were under way; the log does if one was, at the
    level of INFO (rd_kafka_broker_conn_closed of librdkafka 2.16.0). A line comes through the queue that poll() serves,
    before the result of a request that was repeated.
    """

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self._logger = logging.getLogger("librdkafka")

    def log(self, level: int, message: str, facility: str, *arguments: Any) -> None:
        """Take a line, as the binding writes it to a logger."""
        if facility == CONNECTION_LOST:
            self._on_lost()
        self._logger.log(level, message, facility, *arguments)


def classify_error(error: KafkaError, doing: str) -> FraudError:
    """Return Stop for what only a person can fix, Retry for everything else: a new producer may succeed."""
    reason = "another process has taken over the transactional id" if error.code() in TAKEN_OVER else error.str()
    sentence = f"{doing} failed: {error.name()}: {reason}"
    return Stop(sentence) if error.code() in NOT_RETRYABLE else Retry(sentence)
