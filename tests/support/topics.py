"""Produce to topics, and read what is committed in them."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)

from services.common.kafka.closing import close
from tests.support.contracts import customer_key
from tests.support.messages import TRANSACTION

CUSTOMER = customer_key(TRANSACTION)


def produce(bootstrap: str, topic: str, values: Iterable[bytes | None], key: bytes | None = CUSTOMER) -> None:
    """Write values and wait until the broker has acknowledged them all."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "allow.auto.create.topics": False, "enable.idempotence": True, "linger.ms": 1}
    )
    for value in values:
        producer.produce(topic, value, key)
    assert producer.flush(30) == 0


def read_all(bootstrap: str, topic: str, isolation: str = "read_committed") -> list[Message]:
    """Return every message of a topic up to its end as it is now; see read_each()."""
    return list(read_each(bootstrap, topic, isolation))


def read_each(bootstrap: str, topic: str, isolation: str = "read_committed", seconds: float = 60) -> Iterator[Message]:
    """Yield every message of a topic up to its end as it is now; in a partition by offset.

    Waits for the end of Kafka transactions that are open there. The offsets that one commits may be seen before its
    records are: the markers of its end reach each partition by itself (KIP-98).
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "allow.auto.create.topics": False,
            "group.id": "tests",
            "isolation.level": isolation,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    ends = log_ends(bootstrap, topic)
    consumer.list_topics(topic, timeout=10)  # it would look for the leaders a second later
    places = [TopicPartition(topic, partition, 0) for partition in ends]
    consumer.assign(places)
    deadline = time.monotonic() + seconds
    try:
        while any(
            position.offset < ends[position.partition]
            for position in consumer.position(places)
            if ends[position.partition]
        ):
            assert time.monotonic() < deadline, f"{topic} was not read to its end"
            for message in consumer.consume(10_000, 0.05):
                assert message.error() is None, message.error()
                yield message
    finally:
        close(consumer)


def log_ends(
    bootstrap: str, topic: str, level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED, tries: int = 20
) -> dict[int, int]:
    """Return partition -> where its log ends; for committed readers, where its first open Kafka transaction begins."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "allow.auto.create.topics": False})
    partitions = admin.list_topics(topic, timeout=10).topics[topic].partitions
    wanted = {TopicPartition(topic, partition): OffsetSpec.latest() for partition in partitions}  # type: ignore[no-untyped-call]
    while True:
        answers = admin.list_offsets(wanted, isolation_level=level, request_timeout=10)
        try:
            return {place.partition: answer.result().offset for place, answer in answers.items()}
        except KafkaException as error:  # the leader of a new topic may not know of it at once
            tries -= 1
            if not tries or error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                raise
            time.sleep(0.5)


def set_config(bootstrap: str, topic: str, name: str, value: str) -> None:
    """Set one setting of a topic; the broker shows it a moment later."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap, "allow.auto.create.topics": False})
    admin.incremental_alter_configs([resource])[resource].result()


def lacking_copies(bootstrap: str) -> int:
    """Return how many partitions of all topics have a copy that does not keep up."""
    topics = (
        AdminClient({"bootstrap.servers": bootstrap, "allow.auto.create.topics": False})
        .list_topics(timeout=10)
        .topics.values()
    )
    return sum(len(part.isrs) < len(part.replicas) for topic in topics for part in topic.partitions.values())


def headers(message: Message) -> dict[str, str]:
    """Return a message's headers as text."""
    pairs: list[tuple[str, Any]] = list(message.headers() or [])  # type: ignore[arg-type]
    return {name: value.decode() for name, value in pairs}
