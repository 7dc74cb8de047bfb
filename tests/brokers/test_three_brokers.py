"""The compose files for three brokers, as docker-compose.brokers.yml says to use them, and brokers that die."""

import os
import secrets
import time
from collections.abc import Iterator
from random import Random

import pytest

from stack.ports import free_port
from tests.faults.load import under_load
from tests.faults.slack import slack
from tests.support.compose import Project
from tests.support.processes import wait_for
from tests.support.topics import lacking_copies

BROKERS = ("kafka", "kafka-2", "kafka-3")
PORTS = ("KAFKA_PORT", "KAFKA_PORT_2", "KAFKA_PORT_3")
SCORERS = 3
JAVA = "-Xms256m -Xmx256m -XX:TieredStopAtLevel=1"
"""Three brokers start on one machine at once: the second compiler would take most of its time."""

TOPICS = ("transactions", "scores", "alerts", "transactions.dlq", "scorer.history", "scorer.models")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """All of it up and healthy but for the page, which is not on the messages' way."""
    project = Project(
        name=f"fraud-brokers-{os.getpid()}",
        files=("docker-compose.yml", "docker-compose.brokers.yml"),
        env={name: str(free_port()) for name in (*PORTS, "POSTGRES_PORT")} | {"KAFKA_HEAP_OPTS": JAVA},
    )
    try:
        project.compose("up", "--build", "--wait", "--scale", f"scorer={SCORERS}", "scorer", "sink")
        yield project
    finally:
        logs = tmp_path_factory.mktemp("brokers") / "compose.log"
        logs.write_text(project.compose("logs", "--no-color"))
        print(f"logs: {logs}")
        project.compose("down", "--volumes", "--remove-orphans")


def all_healthy(project: Project) -> bool:
    wanted = sorted((*BROKERS, *["scorer"] * SCORERS, "sink", "postgres"))
    return project.states() == [(service, "running", "healthy") for service in wanted]


def bootstrap(project: Project) -> str:
    return ",".join(f"127.0.0.1:{project.env[name]}" for name in PORTS)


def conninfo(project: Project) -> str:
    password = project.compose("exec", "-T", "postgres", "cat", "/run/secrets/password").strip()
    return f"host=127.0.0.1 port={project.env['POSTGRES_PORT']} dbname=fraud user=fraud_owner password={password}"


def test_every_topic_has_three_copies_of_which_two_must_have_a_record(project: Project) -> None:
    """The product's own, and those that the brokers make for offsets and Kafka transactions."""
    tool = ("/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "kafka:9092", "--describe")
    described = project.compose("exec", "-T", "kafka", *tool)
    lines = [line for line in described.splitlines() if line.startswith("Topic:")]
    assert {line.split()[1] for line in lines} >= {*TOPICS, "__transaction_state", "__consumer_offsets"}
    for line in lines:
        assert "ReplicationFactor: 3" in line
        assert "min.insync.replicas=2" in line


def test_nothing_is_lost_or_doubled_when_each_broker_is_killed_in_turn(project: Project) -> None:
    """kill -9 of each broker's process under load: scoring goes on, and all is healthy again without a hand."""
    brokers, seed, took = bootstrap(project), secrets.token_hex(4), {}

    def explain() -> str:
        return f"{lacking_copies(brokers)} partitions lack a copy; {project.states()}"

    with under_load(brokers, conninfo(project), seed, explain) as watcher:
        for broker in Random(seed).sample(BROKERS, len(BROKERS)):
            watcher.seconds_to_recover(time.monotonic(), 120 * slack(), explain)
            project.kill(broker)
            killed = time.monotonic()
            scored = watcher.seconds_to_recover(killed, 120 * slack(), explain)
            wait_for(lambda: all_healthy(project) and not lacking_copies(brokers), 120 * slack(), explain)
            took[broker] = (round(scored, 1), round(time.monotonic() - killed, 1))
    print(f"seconds until scored, until healthy with all copies: {took}")
    assert project.psql("select count(*) from sink_rejects") == "0"
