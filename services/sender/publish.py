"""Sends messages to a topic and counts what the brokers acknowledged. Knows nothing of files or of payments."""

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
"""A message not acknowledged by then is given up; so every wait below ends."""


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

    1. Messages go out in chunks; before each one `stop` is asked, and a failed delivery ends the sending.
    2. What the producer has taken is flushed, whether all was sent or not, also where `messages` or a callback raises.
    3. `on_progress` gets the number acknowledged so far, about four times a second and at the end.

    Sending again after an error is safe where the values hold ids that do not change.

    Raises:
        Retry: the brokers cannot be reached, or did not acknowledge everything that was taken; says how many.
        Stop: the same, for a cause that sending again cannot mend: no such topic, no permission, a message too large.
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
            delivery.tell_progress()
        while producer.flush(PROGRESS_EVERY_S):
            delivery.tell_progress()
    finally:
        while producer.flush(PROGRESS_EVERY_S):  # in short steps: Ctrl-C is heard between two of them
            pass
    on_progress(delivery.acknowledged)
    if delivery.error:
        failure = f"{delivery.failed} of {delivery.failed + delivery.acknowledged} messages were not acknowledged"
        raise _error(delivery.error, f"{failure}: {delivery.error.str()}")
    return delivery.acknowledged


def _config(kafka: KafkaSettings) -> dict[str, Any]:
    """Return a producer's settings: no doubles and no gaps within a partition, the partition Java clients choose."""
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
    """Ask the brokers for the topic, so that a wrong address or name shows at once and not at the delivery timeout."""
    try:
        error = producer.list_topics(topic, timeout=CONNECT_WAIT_S).topics[topic].error
    except KafkaException as exception:
        reason = exception.args[0]
        what = "Kafka does not answer" if is_outage(reason) else f"topic {topic}"
        raise _error(reason, f"{what}: {reason.str()}") from exception
    if error is not None and not is_outage(error):
        raise Stop(f"topic {topic}: {error.str()}")


def _produce(producer: Producer, topic: str, key: bytes | None, value: bytes, delivery: "_Delivery") -> None:
    """Hand one message to the producer, waiting while its queue is full."""
    while True:
        try:
            producer.produce(topic, value, key, on_delivery=delivery)
        except BufferError:
            producer.poll(PROGRESS_EVERY_S)
            delivery.tell_progress()
        except KafkaException as exception:
            delivery.fail(exception.args[0])
            return
        else:
            return


def _error(cause: KafkaError, message: str) -> Retry | Stop:
    return (Retry if is_outage(cause) else Stop)(message)


class _Delivery:
    """The delivery callback: counts, and remembers the first error."""

    def __init__(self, on_progress: Callable[[int], None]) -> None:
        self.acknowledged = 0
        self.failed = 0
        self.error: KafkaError | None = None
        self._on_progress = on_progress
        self._told_at = monotonic()

    def __call__(self, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.fail(error)

    def fail(self, error: KafkaError) -> None:
        """Count a message that was not acknowledged."""
        self.failed += 1
        self.error = self.error or error

    def tell_progress(self) -> None:
        """Report how many were acknowledged, if the last time was long enough ago."""
        if monotonic() - self._told_at >= PROGRESS_EVERY_S:
            self._told_at = monotonic()
            self._on_progress(self.acknowledged)
