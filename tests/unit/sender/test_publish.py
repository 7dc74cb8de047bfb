"""Publishing: what is counted as sent, and how a failure, a stop and a full queue end."""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from services.common.errors import Retry, Stop
from services.common.settings import KafkaSettings
from services.sender.publish import CHUNK, publish

KAFKA = KafkaSettings(bootstrap_servers="localhost:1")
Callback = Callable[[KafkaError | None, object], None]


class FakeProducer:
    """A producer with a queue of 10 messages that delivers when polled, except those with the value b"bad"."""

    def __init__(self, error: int = KafkaError._MSG_TIMED_OUT, topic_error: int | None = None) -> None:
        self.config: dict[str, Any] = {}
        self.delivered: list[tuple[bytes | None, bytes]] = []
        self._queue: deque[tuple[bytes | None, bytes, Callback]] = deque()
        self._error = error
        self._topic_error = None if topic_error is None else KafkaError(topic_error)

    def __call__(self, config: dict[str, Any]) -> Producer:
        self.config = config
        return cast(Producer, self)

    def list_topics(self, topic: str, timeout: float) -> object:  # noqa: ARG002  # the client's signature
        return SimpleNamespace(topics={topic: SimpleNamespace(error=self._topic_error)})

    def produce(self, topic: str, value: bytes, key: bytes | None, on_delivery: Callback) -> None:  # noqa: ARG002
        if value == b"huge":
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
        if len(self._queue) == 10:
            raise BufferError
        self._queue.append((key, value, on_delivery))

    def poll(self, timeout: float) -> int:  # noqa: ARG002
        served = len(self._queue)
        while self._queue:
            key, value, callback = self._queue.popleft()
            if value == b"bad":
                callback(KafkaError(self._error), None)
            else:
                self.delivered.append((key, value))
                callback(None, None)
        return served

    def __len__(self) -> int:
        return len(self._queue)

    def purge(self, *, in_flight: bool) -> None:
        assert not in_flight  # the broker may have it, and its answer counts
        while self._queue:
            self._queue.popleft()[2](KafkaError(KafkaError._PURGE_QUEUE), None)


def test_all_messages_are_delivered_in_order_through_a_small_queue() -> None:
    """A full queue loses and reorders nothing, and the count is that of the acknowledgements."""
    messages = [(None if n % 2 else b"key", b"%d" % n) for n in range(3 * CHUNK + 5)]
    producer, told = FakeProducer(), list[int]()
    assert publish(messages, KAFKA, "transactions", on_progress=told.append, make_producer=producer) == len(messages)
    assert producer.delivered == messages
    assert told[-1] == len(messages)
    assert told == sorted(told)


def test_the_producer_is_idempotent_and_partitions_as_java_clients_do() -> None:
    """The settings on which order and freedom from doubles rest are set."""
    producer = FakeProducer()
    assert publish([], KAFKA, "transactions", make_producer=producer) == 0
    assert producer.config["enable.idempotence"] is True
    assert producer.config["partitioner"] == "murmur2_random"
    assert producer.config["bootstrap.servers"] == "localhost:1"


def test_a_failed_delivery_is_an_error_that_counts_and_ends_the_sending() -> None:
    """The error says how many were not acknowledged; nothing is read from the source after it."""
    taken = []

    def source() -> Iterator[tuple[bytes | None, bytes]]:
        for n in range(10 * CHUNK):
            taken.append(n)
            yield None, b"bad" if n in (3, 4) else b"good"

    with pytest.raises(Retry, match=f"2 of {CHUNK} messages were not acknowledged"):
        publish(source(), KAFKA, "transactions", make_producer=FakeProducer())
    assert len(taken) == CHUNK


def test_what_no_repetition_mends_is_a_stop() -> None:
    """No permission to write ends the process, a message too large does too."""
    denied = FakeProducer(error=KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(Stop, match="1 of 1 messages"):
        publish([(None, b"bad")], KAFKA, "transactions", make_producer=denied)
    with pytest.raises(Stop, match="1 of 2 messages"):
        publish([(None, b"good"), (None, b"huge")], KAFKA, "transactions", make_producer=FakeProducer())


def test_a_topic_that_does_not_exist_is_told_before_anything_is_sent() -> None:
    """A wrong topic name is a Stop that names it, with nothing delivered."""
    producer = FakeProducer(topic_error=KafkaError.UNKNOWN_TOPIC_OR_PART)
    with pytest.raises(Stop, match="topic nowhere"):
        publish([(None, b"good")], KAFKA, "nowhere", make_producer=producer)
    assert producer.delivered == []


def test_a_stop_between_chunks_keeps_what_was_accepted() -> None:
    """Asked to stop after two chunks, the sender flushes them and counts them."""
    answers = chain([False, False], repeat(True))
    producer = FakeProducer()
    messages = [(None, b"%d" % n) for n in range(5 * CHUNK)]
    sent = publish(messages, KAFKA, "transactions", stop=lambda: next(answers), make_producer=producer)
    assert sent == len(producer.delivered) == 2 * CHUNK


def test_what_was_taken_is_flushed_when_the_source_or_a_callback_fails() -> None:
    """The queue is empty afterwards, and the failure is told as it is."""

    def source() -> Iterator[tuple[bytes | None, bytes]]:
        yield from ((None, b"%d" % n) for n in range(CHUNK + 7))
        raise LookupError("row 2008")

    producer = FakeProducer()
    with pytest.raises(LookupError, match="row 2008"):
        publish(source(), KAFKA, "transactions", make_producer=producer)
    assert len(producer.delivered) == CHUNK  # the chunk that was not whole was never handed over
    assert not producer._queue

    def give_up(_: int) -> None:
        raise InterruptedError

    producer = FakeProducer()
    with pytest.raises(InterruptedError):
        publish([(None, b"1")], KAFKA, "transactions", on_progress=give_up, make_producer=producer)
    assert producer.delivered == [(None, b"1")]


def test_an_unreachable_kafka_is_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker at the address: told within the time allowed for the first answer, and worth another try."""
    monkeypatch.setattr("services.sender.publish.CONNECT_WAIT_S", 0.2)
    with pytest.raises(Retry, match="does not answer"):
        publish([(None, b"value")], KAFKA, "transactions")
