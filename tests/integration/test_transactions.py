"""Kafka transactions without an end: named by the doctor, ended by `make transactions`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import IsolationLevel, Producer

from services.common.kafka import leftovers
from services.common.kafka.offsets import LATEST, BrokerQuery
from services.common.kafka.scan import HeldBack
from services.common.kafka.transaction import TransactionalProducer
from services.common.settings import KafkaSettings, TopicSettings
from services.tools.doctor.finding import Status
from services.tools.doctor.kafka import Cluster
from services.tools.transactions.__main__ import end_all
from services.topics.__main__ import make_topics
from stack.kafka import SHORT_LIVED
from stack.servers import KafkaServer, kafka_server
from tests.support.endless import forget_ends
from tests.support.topics import log_ends, read_all

TOPICS = TopicSettings()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A broker of this module's own: it is restarted."""
    with kafka_server(tmp_path_factory.mktemp("kafka"), flags=SHORT_LIVED) as server:
        make_topics(KafkaSettings(bootstrap_servers=server.bootstrap), TOPICS)
        yield server


def begin(
    server: KafkaServer, transactional_id: str, partition: int, value: bytes, topic: str = TOPICS.scores
) -> Producer:
    """Write a record in a Kafka transaction that nobody ends."""
    config = KafkaSettings(bootstrap_servers=server.bootstrap).client_config(transactional_id=transactional_id)
    producer = Producer(config)
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.produce(topic, value, b"key", partition)
    assert producer.flush(10) == 0
    return producer


def held_up(kafka: KafkaSettings) -> set[int]:
    """Return the partitions of `scores` whose last stable offset is not their end."""
    query = BrokerQuery(kafka)
    places = [(TOPICS.scores, partition) for partition in range(TOPICS.partitions)]
    stable = query.watermarks(places, LATEST, IsolationLevel.READ_COMMITTED)
    ends = query.watermarks(places, LATEST)
    query.close()
    return {partition for topic, partition in places if stable[topic, partition] < ends[topic, partition]}


def test_each_is_named_and_ended_as_its_coordinator_decided(
    server: KafkaServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One that was to be committed is; one that its coordinator has forgotten is aborted; one that goes on is left."""
    kafka = KafkaSettings(bootstrap_servers=server.bootstrap)
    begun = [begin(server, name, partition, name.encode()) for partition, name in enumerate(("lost", "decided"))]
    forget_ends(server, {"lost": False, "decided": True})
    under_way = begin(server, "under way", 2, b"under way")
    assert held_up(kafka) == {0, 1, 2}

    findings = list(Cluster(kafka, TOPICS).check_transactions())
    assert [finding.status for finding in findings] == [Status.FAIL] * 2
    assert "scores/0: a Kafka transaction has no end" in findings[0].text
    assert "which its coordinator has forgotten" in findings[0].text
    assert "the last stable offset stays at 0, the end is 1" in findings[0].text
    assert "scores/1" in findings[1].text
    assert ", decided, silent for" in findings[1].text

    end_all(kafka, TOPICS, go=False)
    assert "nothing was changed" in capsys.readouterr().out
    assert held_up(kafka) == {0, 1, 2}

    end_all(kafka, TOPICS, go=True)
    said = capsys.readouterr().out.splitlines()
    assert [line.rpartition(" ")[2] for line in said] == ["abort", "commit", "ended"]
    assert held_up(kafka) == {2}
    under_way.commit_transaction(10)
    found = sorted(message.value() or b"" for message in read_all(server.bootstrap, TOPICS.scores))
    assert found == [b"decided", b"under way"]
    end_all(kafka, TOPICS, go=True)
    assert "no Kafka transaction is without an end" in capsys.readouterr().out
    del begun


def test_what_a_producer_left_open_is_not_decided_by_its_next_transaction(
    server: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its markers were lost, and the coordinator says that all is well: a producer says what it waits for."""
    monkeypatch.setattr(leftovers, "PATIENCE_SECONDS", 1.0)
    kafka = KafkaSettings(bootstrap_servers=server.bootstrap)
    decided = log_ends(server.bootstrap, TOPICS.alerts, IsolationLevel.READ_COMMITTED)
    begun = begin(server, "left", 3, b"left", TOPICS.alerts)
    forget_ends(server, {"left": True})
    with pytest.raises(HeldBack, match=r"no end in alerts/3; if this goes on: make doctor"):
        take_over(kafka, "left")
    assert log_ends(server.bootstrap, TOPICS.alerts, IsolationLevel.READ_COMMITTED) == decided
    end_all(kafka, TOPICS, go=True)
    take_over(kafka, "left")
    del begun


def take_over(kafka: KafkaSettings, transactional_id: str) -> None:
    """Open a producer of this id."""
    topics = [TOPICS.scores, TOPICS.alerts]
    producer = TransactionalProducer(kafka, transactional_id, topics, transaction_timeout_ms=10_000, commit_seconds=10)
    producer.open(patience_seconds=30)
    producer.close()
