"""Writes comparisons to Kafka, which are no part of a batch and are lost if the process is killed."""

import contextlib

from confluent_kafka import KafkaError, KafkaException, Producer

from services.common.logs import get_logger
from services.common.settings import KafkaSettings
from services.scorer.history.changelog import Record

FLUSH_SECONDS = 2.0

log = get_logger()


class Teller:
    """A producer of its own: what is told here has no part in the Kafka transactions of the batches."""

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._producer = self._new_producer()

    def tell(self, record: Record) -> None:
        """Queue a message; one that finds no room is dropped. After a fatal error a new producer takes it."""
        try:
            self._produce(record)
        except KafkaException as error:
            log.warning("shadow_producer_recreated", error=error.args[0].name())
            self._producer = self._new_producer()
            self._produce(record)

    def flush(self) -> None:
        """Wait a little until the broker has what was told."""
        self._producer.flush(FLUSH_SECONDS)

    def _produce(self, record: Record) -> None:
        with contextlib.suppress(BufferError):
            self._producer.produce(self._topic, record["value"], record["key"])
        self._producer.poll(0)

    def _new_producer(self) -> Producer:
        return Producer(self._kafka.client_config(enable_idempotence=True, linger_ms=5, error_cb=_on_error))


def _on_error(error: KafkaError) -> None:
    log.info("comparisons wait for Kafka", error=error.name())
