"""The compose files for three brokers, as docker-compose.brokers.yml says to use them, and brokers that die."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from stack.ports import free_port
from tests.support.compose import ROOT, Project
from tests.support.processes import wait_for
from tests.support.topics import read_each

BROKERS = ("kafka", "kafka-2", "kafka-3")
SCORERS = 3
SAMPLE = ROOT / "services/simulator/sample.csv"
SAMPLE_ROWS = 2_000
TOPICS = ("transactions", "scores", "transactions.dlq", "scorer.history")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """All of it up and healthy but for the page, which is not on the messages' way."""
    ports = ("KAFKA_PORT", "KAFKA_PORT_2", "KAFKA_PORT_3", "POSTGRES_PORT")
    project = Project(
        name=f"fraud-brokers-{os.getpid()}",
        files=("docker-compose.yml", "docker-compose.brokers.yml"),
        env={name: str(free_port()) for name in ports} | {"KAFKA_HEAP_OPTS": "-Xms256m -Xmx256m"},
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


def more_payments(folder: Path, rows: int, seed: int) -> Path:
    """Return a CSV file of made-up payments."""
    path = folder / f"payments-{seed}.csv"
    arguments = ("csv", "--rows", str(rows), "--seed", str(seed), "--out", str(path))
    subprocess.run([sys.executable, "-m", "services.simulator", *arguments], cwd=ROOT, check=True)
    return path


def send(project: Project, file: Path) -> "subprocess.Popen[bytes]":
    """Begin to send a file from this machine."""
    env = os.environ | {"KAFKA_BOOTSTRAP_SERVERS": bootstrap(project)}
    return subprocess.Popen([sys.executable, "-m", "services.sender", str(file)], cwd=ROOT, env=env)


def bootstrap(project: Project) -> str:
    return ",".join(f"127.0.0.1:{project.env[name]}" for name in ("KAFKA_PORT", "KAFKA_PORT_2", "KAFKA_PORT_3"))


def describe_topics(project: Project, *arguments: str) -> str:
    tool = ("/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "kafka:9092", "--describe")
    return project.compose("exec", "-T", "kafka", *tool, *arguments)


def kept(project: Project) -> tuple[int, int]:
    scores, transactions = project.psql(
        "select (select count(*) from scores), (select count(*) from transactions)"
    ).split("|")
    return int(scores), int(transactions)


def test_every_topic_has_three_copies_of_which_two_must_have_a_record(project: Project) -> None:
    """The product's own, and those that the brokers make for offsets and Kafka transactions."""
    described = describe_topics(project)
    lines = [line for line in described.splitlines() if line.startswith("Topic:")]
    assert {line.split()[1] for line in lines} >= {*TOPICS, "__transaction_state"}
    for line in lines:
        assert "ReplicationFactor: 3" in line
        assert "min.insync.replicas=2" in line


def test_nothing_is_lost_or_doubled_when_each_broker_is_killed_in_turn(project: Project, tmp_path: Path) -> None:
    """kill -9 of each broker's process under load; afterwards everything is healthy again without a hand."""
    assert send(project, SAMPLE).wait(60) == 0
    wanted = SAMPLE_ROWS
    wait_for(lambda: kept(project) == (wanted, wanted), 60, lambda: f"{kept(project)} of {wanted}")
    for number, broker in enumerate(reversed(BROKERS)):
        sending = send(project, more_payments(tmp_path, 20_000, seed=number + 1))
        time.sleep(1.5)
        project.kill(broker)
        assert sending.wait(120) == 0
        wanted += 20_000
        wait_for(lambda: kept(project) == (wanted, wanted), 120, lambda: f"{broker}: {kept(project)} of {wanted}")  # noqa: B023
        wait_for(lambda: all_healthy(project), 120, lambda: str(project.states()))

    wait_for(lambda: not describe_topics(project, "--under-replicated-partitions"), 60)
    brokers = bootstrap(project)
    ids = Counter(orjson.loads(message.value() or b"")["transaction_id"] for message in read_each(brokers, "scores"))
    assert len(ids) == wanted
    assert max(ids.values()) == 1
    assert project.psql("select count(*) from sink_rejects") == "0"
    assert not list(read_each(brokers, "transactions.dlq"))
