"""A scorer's consumer that is ready and reads nothing, and one that waits for a Kafka transaction, on a real broker."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from confluent_kafka import Producer

from services.common.kafka import stalls
from services.common.settings import KafkaSettings, TopicSettings
from services.scorer.metrics import UNSTABLE_OFFSETS
from services.scorer.read import TransactionSource
from services.scorer.settings import ScorerSettings
from tests.support.messages import nested
from tests.support.processes import wait_for
from tests.support.topics import produce


@pytest.fixture
def source(kafka: str, topics: TopicSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[TransactionSource]:
    """A consumer that has read everything, and asks after half a second of silence."""
    monkeypatch.setattr(stalls, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(stalls, "EVERY_SECONDS", 0.3)
    settings, names = ScorerSettings(group_id=topics.transactions), [topics.transactions]
    with closing(TransactionSource(KafkaSettings(bootstrap_servers=kafka), settings, names, "stalls-0")) as source:
        produce(kafka, topics.transactions, [nested("a")])
        wait_for(lambda: bool(source.read()), 30)
        assert source.ready
        yield source


def test_readiness_sees_a_consumer_that_does_not_advance(
    source: TransactionSource, kafka: str, topics: TopicSettings
) -> None:
    """As a partition that was resumed while it belonged to somebody else: owned, ready, never read."""
    source._consumer.pause(source._consumer.assignment())
    produce(kafka, topics.transactions, [nested("b")])
    wait_for(lambda: not source.read() and not source.ready, 30)

    source._consumer.resume(source._consumer.assignment())
    wait_for(lambda: bool(source.read()), 30)
    assert source.ready


def test_a_consumer_says_that_it_waits_for_a_stable_offset(
    source: TransactionSource, kafka: str, topics: TopicSettings
) -> None:
    """It stays ready: no other process would get further."""
    config = KafkaSettings(bootstrap_servers=kafka).client_config(transactional_id=f"open-{topics.transactions}")
    producer = Producer(config)
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.produce(topics.transactions, nested("c"), b"key", 0)
    assert producer.flush(10) == 0
    before = UNSTABLE_OFFSETS._value.get()

    wait_for(lambda: not source.read() and UNSTABLE_OFFSETS._value.get() > before, 30)
    assert source.ready

    producer.commit_transaction(10)
    wait_for(lambda: bool(source.read()), 30)
