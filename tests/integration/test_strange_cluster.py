"""A cluster of somebody else: it makes topics by itself, is new, and its producers date messages as they like."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    NewTopic,
)

from conftest import ROOT
from services.common.errors import Retry, Stop
from services.common.kafka.offsets import EARLIEST, BrokerQuery, watermarks
from services.common.settings import KafkaSettings, TopicSettings
from services.scorer.history.restore import check_copartitioned
from services.scorer.models.shadow import ShadowPublisher
from services.sender.publish import publish
from services.tools.customer.topics import read_history
from services.tools.dlq.topic import DeadLetterTopic
from services.topics.__main__ import make_topics
from services.topics.align import describe
from stack.kafka import SHORT_LIVED
from stack.ports import free_port
from stack.servers import kafka_server
from tests.support.processes import wait_for

PROPERTIES = {
    "auto.create.topics.enable": "true",  # Kafka's own default
    "log.retention.check.interval.ms": "500",
    "log.initial.task.delay.ms": "500",
}
DAY_MS = 24 * 3600 * 1000
LONG_AGO = int(datetime(2019, 6, 1, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a broker that makes every topic that a client asks for, and looks for old messages all the time."""
    with kafka_server(tmp_path_factory.mktemp("strange"), flags=SHORT_LIVED, properties=PROPERTIES) as server:
        yield server.bootstrap


def names(prefix: str) -> TopicSettings:
    fields = ("transactions", "scores", "alerts", "dead_letters", "history", "models")
    return TopicSettings.model_validate({field: f"{prefix}-{field}" for field in fields})


def made(admin: AdminClient, prefix: str) -> list[str]:
    return [name for name in admin.list_topics(timeout=10).topics if name.startswith(prefix)]


def low(admin: AdminClient, topic: str) -> int:
    return watermarks(admin, [(topic, 0)], EARLIEST)[topic, 0]


def wait_for_config(admin: AdminClient, topic: str, expected: dict[str, str]) -> None:
    """Wait until a topic has these settings: a broker shows a change a moment later."""

    def found() -> dict[str, str | None]:
        there = describe(admin, [topic])[topic]
        return {name: there[name].value for name in expected}

    wait_for(lambda: found() == expected, 20, lambda: f"{topic}: {found()} instead of {expected}")


def let_the_broker_make(bootstrap: str, topic: str) -> None:
    """Ask for a topic as a client with librdkafka's own defaults does."""
    producer = Producer({"bootstrap.servers": bootstrap})
    wait_for(lambda: producer.list_topics(topic, timeout=10).topics[topic].partitions, 30)


def test_a_new_cluster_is_asked_for_the_members_of_a_group(strange: str) -> None:
    """First in this file: nobody has asked for a coordinator yet, and the first request creates its topic."""
    assert "__consumer_offsets" not in made(AdminClient({"bootstrap.servers": strange}), "__")
    assert BrokerQuery(KafkaSettings(bootstrap_servers=strange)).members("nobody") == 0


def test_no_client_of_ours_lets_a_broker_make_a_topic(strange: str) -> None:
    """Producers, consumers and admin clients ask for topics that are not there: they say so, and none comes about."""
    kafka, topics = KafkaSettings(bootstrap_servers=strange), names("none")
    with pytest.raises(Retry, match=f"no topic {topics.transactions} and no topic {topics.history}: make topics"):
        check_copartitioned(kafka, topics)
    with pytest.raises(Stop, match=f"topic {topics.transactions}"):
        publish([(None, b"{}")], kafka, topics.transactions)
    with pytest.raises(Retry, match=topics.dead_letters):
        DeadLetterTopic.open(kafka, topics.dead_letters)
    assert read_history(kafka, topics.history) == {}
    publisher = ShadowPublisher(kafka, topics.models)
    publisher.publish({"key": b"tally", "value": b"{}"})
    publisher.flush()
    producer, failures = Producer(kafka.client_config(message_timeout_ms=3_000)), list[KafkaError | None]()
    producer.produce(topics.scores, b"{}", on_delivery=lambda error, _: failures.append(error))
    assert producer.flush(30) == 0
    assert failures[0] is not None
    consumer = Consumer(kafka.client_config(group_id="none", auto_offset_reset="earliest"))
    consumer.subscribe([topics.alerts])
    [message] = consumer.consume(1, 30)
    assert message.error().code() == KafkaError.UNKNOWN_TOPIC_OR_PART  # type: ignore[union-attr]
    consumer.close()

    admin = AdminClient(kafka.client_config())
    assert made(admin, "none") == []
    let_the_broker_make(strange, "made-by-itself")  # so that the above says something
    assert made(admin, "made-by-itself") == ["made-by-itself"]


def test_topics_that_a_broker_made_are_aligned(strange: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The history is compacted, dead letters are kept for 30 days, retention counts from arrival; twice is as once."""
    kafka, topics = KafkaSettings(bootstrap_servers=strange), names("aligned")
    let_the_broker_make(strange, topics.transactions)
    let_the_broker_make(strange, topics.history)
    let_the_broker_make(strange, topics.dead_letters)
    admin = AdminClient(kafka.client_config())
    before = describe(admin, [topics.history])[topics.history]
    assert before["cleanup.policy"].value == "delete"

    make_topics(kafka, topics)
    told = capfd.readouterr()

    ours = (topics.transactions, topics.scores, topics.alerts, topics.dead_letters, topics.history, topics.models)
    for topic in ours:
        wait_for_config(admin, topic, {"message.timestamp.type": "LogAppendTime", "cleanup.policy": "delete"} | {
            topics.history: {"cleanup.policy": "compact", "segment.bytes": str(32 * 1024 * 1024)},
            topics.dead_letters: {"retention.ms": str(30 * DAY_MS)},
            topics.models: {"retention.ms": str(90 * DAY_MS)},
        }.get(topic, {}))  # fmt: skip
    said = told.out + told.err
    assert re.search(rf"partitions_differ .* partitions=1 topic={topics.transactions} wanted=6\n", said)
    assert re.search(rf"topic_created .* partitions=1 topic={topics.models}\n", said)

    make_topics(kafka, topics)
    said = "".join(capfd.readouterr())
    assert "topic_aligned" not in said
    assert said.count("topic_exists") == len(ours)


@pytest.mark.slow
def test_what_a_person_has_set_stays(strange: str) -> None:
    """But for the settings without which messages or the history are lost; a compacted topic of models is one."""
    kafka, topics = KafkaSettings(bootstrap_servers=strange), names("own")
    admin = AdminClient(kafka.client_config())
    own = {"retention.ms": "3600000", "message.timestamp.type": "CreateTime"}
    mixed = {"cleanup.policy": "compact,delete", "segment.bytes": "1048576"}
    before = [
        NewTopic(topics.dead_letters, 6, 1, config=own),
        NewTopic(topics.history, 6, 1, config=mixed),
        NewTopic(topics.models, 1, 1, config={"cleanup.policy": "compact"}),
    ]
    for future in admin.create_topics(before, operation_timeout=30).values():
        future.result()

    make_topics(kafka, topics)

    wait_for_config(admin, topics.dead_letters, {"retention.ms": "3600000", "message.timestamp.type": "LogAppendTime"})
    wait_for_config(admin, topics.history, {"cleanup.policy": "compact", "segment.bytes": "1048576"})
    wait_for_config(admin, topics.models, {"cleanup.policy": "delete", "retention.ms": str(90 * DAY_MS)})


@pytest.mark.slow
def test_messages_that_are_dated_years_ago_outlive_retention(strange: str) -> None:
    """In a topic made here; in one as Kafka makes it they are gone at once."""
    kafka, topics = KafkaSettings(bootstrap_servers=strange), names("dated")
    make_topics(kafka, topics)
    let_the_broker_make(strange, "dated-otherwise")
    producer = Producer(kafka.client_config())
    for number in range(500):
        for topic in (topics.transactions, "dated-otherwise"):
            producer.produce(topic, b"%d" % number, partition=0, timestamp=LONG_AGO)
    assert producer.flush(30) == 0

    admin = AdminClient(kafka.client_config())
    wait_for(lambda: low(admin, "dated-otherwise") == 500, 60, lambda: "retention did nothing")
    assert low(admin, topics.transactions) == 0
    consumer = Consumer(kafka.client_config(group_id="dated", auto_offset_reset="earliest"))
    consumer.assign([TopicPartition(topics.transactions, 0, 0)])
    [message] = consumer.consume(1, 30)
    assert abs(time.time() - message.timestamp()[1] / 1000) < 300
    consumer.close()


def test_a_new_cluster_is_asked_for_what_groups_committed(tmp_path: Path) -> None:
    """Before it has a coordinator: a client that asks by list_consumer_group_offsets dies of a signal there."""
    with kafka_server(tmp_path / "new", flags=SHORT_LIVED) as server:
        kafka = KafkaSettings(bootstrap_servers=server.bootstrap)
        make_topics(kafka, TopicSettings())
        env = {"KAFKA_BOOTSTRAP_SERVERS": server.bootstrap, "PGHOST": "127.0.0.1", "PGPORT": str(free_port())}
        command = [sys.executable, "-m", "services.tools.doctor"]
        doctor = subprocess.run(
            command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=False, timeout=120
        )
        assert doctor.returncode == 1, doctor.stdout + doctor.stderr
        assert "nobody reads in the group scorer; 0 messages wait" in doctor.stdout
        assert "nobody reads in the group sink; 0 messages wait" in doctor.stdout
        query = BrokerQuery(kafka)
        wait_for(lambda: query.committed("scorer", [("transactions", 0)]) == {}, 60)
        query.close()
