"""The sender's producer against a real Kafka."""

import os
import threading
from collections.abc import Iterator

import pytest

from services.common.settings import KafkaSettings, TopicSettings
from services.sender.publish import publish
from tests.support.quotas import slow_for_producers
from tests.support.topics import read_all

MESSAGES = 30_000


@pytest.fixture
def slow_kafka(kafka: str) -> Iterator[str]:
    """Takes half a minute for the messages of the test."""
    with slow_for_producers(kafka, 1_000_000):
        yield kafka


def test_a_stop_gives_up_what_has_not_left(slow_kafka: str, topics: TopicSettings) -> None:
    """It does not wait until a slow Kafka has the whole queue; what was sent is what was counted."""
    kafka, read, told = KafkaSettings(bootstrap_servers=slow_kafka), threading.Event(), list[int]()

    def messages() -> Iterator[tuple[None, bytes]]:
        for _ in range(MESSAGES):
            yield None, os.urandom(1_000)  # nothing to compress
        read.set()

    def stop() -> bool:
        return read.is_set() and any(told)

    sent = publish(messages(), kafka, topics.transactions, on_progress=told.append, stop=stop)
    assert 0 < sent < MESSAGES
    assert len(read_all(slow_kafka, topics.transactions)) == sent
