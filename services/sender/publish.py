"""Publishes messages and counts what the brokers acknowledged."""

from collections.abc import Callable, Iterable
from itertools import islice
from time import monotonic
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from services.common.errors import Retry, Stop
from services.common.outages import is_outage
from services.common.settings import KafkaSettings

CHUNK = 2000
PROGRESS_EVERY_S = 0.25
CONNECT_WAIT_S = 15
DELIVERY_TIMEOUT_MS = 60_000
"""A message that is not acknowledged within it has failed, so every wait below ends."""


def publish(
    messages: Iterable[tuple[bytes | None, bytes]],
    kafka: KafkaSettings,
    topic: str,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    make_producer: Callable[[dict[str, Any]], Producer] = Producer,
) -> int:
    """Send (key, value) messages in their order and return how many were acknowledged.

    1. Messages are produced in chunks, until `stop` returns True or a delivery has failed.
    2. What the producer has accepted is flushed, also if `messages` or a callback raises. Once `stop` returns True,
       what has not left for a broker is given up: with a slow Kafka that may be a whole file.
    3. `on_progress` gets the number acknowledged so far, about four times a second and at the end.

    Sending again after an error is safe if the values contain stable ids.

    Raises:
        Retry: the brokers are unavailable, or did not acknowledge everything; says how many.
        Stop: the same, for a permanent cause: no such topic, no permission, a message too large.
    """
    producer = make_producer(_config(kafka))
    _check_topic(producer, topic)
    delivery = _Delivery(on_progress)
    remaining = iter(messages)
    try:
        while not stop() and not delivery.error and (chunk := list(islice(remaining, CHUNK))):
            for key, value in chunk:
                _produce(producer, topic, key, value, delivery)
            producer.poll(0)
            delivery.report_progress()
        while _awaited(producer, give_up=stop()):
            delivery.report_progress()
    finally:
        while _awaited(producer, give_up=False):  # in short steps, between which Ctrl-C is noticed
            pass
    on_progress(delivery.acknowledged)
    if delivery.error:
        failure = f"{delivery.failed} of {delivery.failed + delivery.acknowledged} messages were not acknowledged"
        raise _error(delivery.error, f"{failure}: {delivery.error.str()}")
    return delivery.acknowledged


def _config(kafka: KafkaSettings) -> dict[str, Any]:
    """Return a producer's settings: no duplicates and no gaps within a partition, and Java's partitioner."""
    return kafka.client_config(
        enable_idempotence=True,
        partitioner="murmur2_random",
        compression_type="lz4",
        linger_ms=10,
        queue_buffering_max_messages=100_000,
        queue_buffering_max_kbytes=256 * 1024,
        message_timeout_ms=DELIVERY_TIMEOUT_MS,
    )


def _check_topic(producer: Producer, topic: str) -> None:
    """Look the topic up, so that a wrong address or name fails at once and not at the delivery timeout."""
    try:
        error = producer.list_topics(topic, timeout=CONNECT_WAIT_S).topics[topic].error
    except KafkaException as exception:
        reason = exception.args[0]
        what = "Kafka does not answer" if is_outage(reason) else f"topic {topic}"
        raise _error(reason, f"{what}: {reason.str()}") from exception
    if error is not None and not is_outage(error):
        raise Stop(f"topic {topic}: {error.str()}")


def _produce(producer: Producer, topic: str, key: bytes | None, value: bytes, delivery: "_Delivery") -> None:
    """Produce a message; wait while the queue is full."""
    while True:
        try:
            producer.produce(topic, value, key, on_delivery=delivery)
        except BufferError:
            producer.poll(PROGRESS_EVERY_S)
            delivery.report_progress()
        except KafkaException as exception:
            delivery.fail(exception.args[0])
            return
        else:
            return


def _awaited(producer: Producer, *, give_up: bool) -> int:
    """Return how many messages are not acknowledged, and wait a moment for them; giving up drops those in the queue."""
    if give_up:
        producer.purge(in_flight=False)
    if awaited := len(producer):
        producer.poll(PROGRESS_EVERY_S)  # flush() keeps a core busy while the broker is slow
    return awaited


def _error(cause: KafkaError, message: str) -> Retry | Stop:
    return (Retry if is_outage(cause) else Stop)(message)


class _Delivery:
    """The delivery callback: counts, and stores the first error."""

    def __init__(self, on_progress: Callable[[int], None]) -> None:
        self.acknowledged = 0
        self.failed = 0
        self.error: KafkaError | None = None
        self._on_progress = on_progress
        self._reported_at = monotonic()

    def __call__(self, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self.acknowledged += 1
        elif error.code() != KafkaError._PURGE_QUEUE:  # given up, not failed
            self.fail(error)

    def fail(self, error: KafkaError) -> None:
        """Count a message that was not acknowledged."""
        self.failed += 1
        self.error = self.error or error

    def report_progress(self) -> None:
        """Report how many were acknowledged, at most every 0.25 s."""
        if monotonic() - self._reported_at >= PROGRESS_EVERY_S:
            self._reported_at = monotonic()
            self._on_progress(self.acknowledged)
