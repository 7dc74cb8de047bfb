"""Dead letters made for tests: what a scorer of a bad release would have written about good transactions."""

from collections.abc import Iterable

from confluent_kafka import Message, Producer

from services.common.errors import Reason, Reject
from services.common.kafka.dead_letters import error_headers
from services.common.settings import TopicSettings
from tests.support.topics import read_all

BAD_RELEASE = Reject(Reason.BAD_TYPE, "amount", "expected a number, got int")


def reject_good_ones(kafka: str, topics: TopicSettings, reject: Reject = BAD_RELEASE) -> list[Message]:
    """Write a dead letter about every message of `transactions`; return the messages."""
    messages = read_all(kafka, topics.transactions)
    write_letters(kafka, topics, messages, reject)
    return messages


def write_letters(kafka: str, topics: TopicSettings, messages: Iterable[Message], reject: Reject) -> None:
    """Write a dead letter about each of these messages."""
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "allow.auto.create.topics": False,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
        }
    )
    for message in messages:
        headers = error_headers(message, reject)
        producer.produce(topics.dead_letters, message.value(), message.key(), headers=headers)
    assert producer.flush(30) == 0
