"""Writes a batch's scores, alerts, rejects, history and offsets in one Kafka transaction."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message

from services.common.errors import Reject
from services.common.kafka.assignment import Batch
from services.common.kafka.dead_letters import cut, error_headers
from services.common.kafka.scan import HeldBack
from services.common.kafka.transaction import Rewritable, TransactionalProducer
from services.common.process import Watchdog
from services.common.settings import KafkaSettings, TopicSettings
from services.scorer import metrics
from services.scorer.history.changelog import Record
from services.scorer.settings import ScorerSettings

GroupMetadata = Callable[[], Any]
"""Returns the group's generation and this member, as send_offsets_to_transaction() takes them."""

REJOIN_SECONDS, REJOIN_WAIT_SECONDS = 3.0, 0.02
"""How long a batch is written again because a rebalance began meanwhile; the client takes part in it by itself."""

OFFSETS_GRACE_SECONDS = 1.0
"""By this much the client's own timeout may come late. It may also not come at all (librdkafka #5456): then the
watchdog ends the process."""


class ScoreWriter:
    """Writes batches under the transactional id of one group member; to be replaced after any failure."""

    def __init__(
        self, kafka: KafkaSettings, settings: ScorerSettings, topics: TopicSettings, member: str, watchdog: Watchdog
    ) -> None:
        self._topics = topics
        self._watchdog = watchdog
        self._offsets_seconds = settings.transaction_timeout_ms / 1000
        self._producer = TransactionalProducer(
            kafka,
            member,
            (topics.scores, topics.alerts, topics.dead_letters, topics.history, topics.models),
            transaction_timeout_ms=settings.transaction_timeout_ms,
            commit_seconds=settings.commit_timeout_ms / 1000,  # with the offsets before it below the watchdog's limit
            queue_buffering_max_messages=max(100_000, 4 * settings.batch_max_messages),
        )

    def open(self, wait: Callable[[], object]) -> None:
        """Take this member's transactional id, as TransactionalProducer.open() does.

        Args:
            wait: called while waiting for the broker; may raise to give up.
        """
        try:
            self._producer.open(wait)
        except HeldBack:
            metrics.UNSTABLE_OFFSETS.inc()
            raise

    def write(
        self,
        batch: Batch,
        scores: list[Record],
        alerts: list[Record],
        rejects: Mapping[int, Reject],
        changelog_records: Mapping[int, list[Record]],
        spans: list[Record],
        group_metadata: GroupMetadata,
    ) -> None:
        """Write everything that follows from a batch, or nothing of it; again if a rebalance came in between:

        1. begin a Kafka transaction
        2. send the scores and the alerts
        3. send the rejects to the dead letters, original key and value untouched
        4. send the changes of the history, each to its own partition
        5. send which model scored the batch, where that is new
        6. add the batch's offsets
        7. commit; from here on it is done

        Raises:
            Retry: nothing was written, or what was written is aborted by the next producer of this member.
            Stop: likewise; the broker refuses.
        """
        producer, deadline = self._producer, time.monotonic() + REJOIN_SECONDS
        while True:
            try:
                with producer.transaction("writing a batch"):
                    producer.send_batch(self._topics.scores, scores)
                    producer.send_batch(self._topics.alerts, alerts)
                    for row, reject in rejects.items():
                        self._send_reject(batch.messages[row], reject)
                    for partition, records in changelog_records.items():
                        producer.send_batch(self._topics.history, records, partition)
                    producer.send_batch(self._topics.models, spans)
                    with self._watchdog.within(self._offsets_seconds + OFFSETS_GRACE_SECONDS):
                        producer.send_offsets(batch.offsets(), group_metadata(), self._offsets_seconds)
            except Rewritable:
                if time.monotonic() > deadline:
                    raise
                metrics.REWRITTEN.inc()
                time.sleep(REJOIN_WAIT_SECONDS)  # the client is about to hear of the generation that the broker has
            else:
                return

    def close(self) -> None:
        """Release the client."""
        self._producer.close()

    def _send_reject(self, message: Message, reject: Reject) -> None:
        headers = error_headers(message, reject)
        try:
            self._producer.send(self._topics.dead_letters, message.value(), message.key(), headers)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                raise
            self._producer.send(self._topics.dead_letters, *cut(message, headers))
