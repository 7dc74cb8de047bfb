"""The servers and services of a measurement."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import ConsumerGroupState, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from services.common.errors import Stop
from services.common.kafka.offsets import LATEST, BrokerQuery, answer_of, describe_group, watermarks
from services.common.settings import KafkaSettings, TopicSettings
from services.topics.__main__ import make_topics
from stack.ports import free_port
from stack.servers import KafkaServer, PostgresServer, kafka_server, postgres_server
from tests.support.processes import ROOT, ServiceProcess

STOP_SECONDS = 15
HEALTH = {"ui": "/healthz"}
MIGRATIONS_TABLE = "schema_migrations"
READY_SECONDS = 90


@dataclass
class Servers:
    """A broker, a database with the schema, a folder for files; and what could not be measured with them."""

    folder: Path
    kafka: KafkaServer
    postgres: PostgresServer
    left_out: list[str] = field(default_factory=list)

    def leave_out(self, what: str, why: str) -> None:
        """Note that something cannot be measured on this machine."""
        self.left_out.append(f"{what}: {why}")
        print(f"  left out: {self.left_out[-1]}", flush=True)

    @property
    def kafka_settings(self) -> KafkaSettings:
        """Return how to reach the broker."""
        return KafkaSettings(bootstrap_servers=self.kafka.bootstrap)

    def make_topics(self, name: str, **given: str) -> TopicSettings:
        """Create topics with this prefix and return their names; those given, as transactions="…", exist already."""
        fields = TopicSettings.model_fields.items()
        names = {field: f"{name}-{field}" for field, about in fields if about.annotation is str}
        names |= given
        topics = TopicSettings.model_validate(names)
        make_topics(self.kafka_settings, topics)
        wait_until(
            lambda: all(map(self._has_leaders, names.values())), READY_SECONDS, lambda: "topics without a leader"
        )
        return topics

    def offsets(self, topic: str) -> int:
        """Return how many offsets a topic holds: its messages, and the markers of Kafka transactions."""
        partitions = [(found.topic, found.partition) for found in self.partitions(topic)]
        return sum(watermarks(self._admin, partitions, LATEST).values())

    def partitions(self, topic: str) -> list[TopicPartition]:
        """Return the partitions of a topic."""
        found = self._admin.list_topics(topic, timeout=10).topics[topic].partitions
        return [TopicPartition(topic, partition) for partition in found]

    def committed(self, service: str, topics: TopicSettings) -> int:
        """Return the committed offsets of a service, summed over the partitions."""
        partitions = [(found.topic, found.partition) for found in self.partitions(topics.transactions)]
        return sum(self._query.committed(group_of(service, topics), partitions).values())

    def wait_shared(self, service: str, topics: TopicSettings, count: int) -> None:
        """Wait until this number of processes of a service share all partitions."""

        def shared() -> bool:
            group = answer_of(describe_group(self._admin, group_of(service, topics)), READY_SECONDS)
            shares = [len(member.assignment.topic_partitions) for member in group.members]
            settled = group.state == ConsumerGroupState.STABLE and sum(shares) == topics.partitions
            return settled and len(shares) == count and all(shares)

        wait_until(
            shared, READY_SECONDS, lambda: f"{count} processes of {service} do not share {topics.transactions}", 0.2
        )

    def make_csv(self, rows: int, customers: int | None = None) -> Path:
        """Return a CSV file of simulated transactions; it is created once."""
        path = self.folder / f"{rows}-{customers or 'some'}.csv"
        if not path.exists():
            arguments = ["csv", "--rows", str(rows), "--seed", "1", "--shuffle", "--out", str(path)]
            if customers:
                arguments += ["--customers", str(customers)]
            subprocess.run([sys.executable, "-m", "services.simulator", *arguments], cwd=ROOT, check=True)
        return path

    def send(self, csv_file: Path, topics: TopicSettings, **env: str) -> None:
        """Send a CSV file as `make send` does."""
        command = [sys.executable, "-m", "services.sender", str(csv_file)]
        subprocess.run(
            command, cwd=ROOT, env=os.environ | self.env(topics) | env, check=True, stdout=subprocess.DEVNULL
        )

    def bytes_of(self, topic: str) -> int:
        """Return the bytes of a topic's segments on the broker's disk."""
        return sum(path.stat().st_size for path in self.folder.glob(f"kafka/data/{topic}-*/*.log"))

    def connect(self) -> "psycopg.Connection[Any]":
        """Return an autocommit connection of the database's owner."""
        return psycopg.connect(self.postgres.conninfo, autocommit=True)

    def empty_mart(self) -> None:
        """Truncate all tables, including the sink's offsets, and run a checkpoint."""
        with self.connect() as connection:
            found = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
            tables = ", ".join(f'"{name}"' for (name,) in found if name != MIGRATIONS_TABLE)
            connection.execute(f"truncate {tables} restart identity cascade")
            connection.execute("checkpoint")

    def env(self, topics: TopicSettings) -> dict[str, str]:
        """Return the environment of the services."""
        return {f"TOPIC_{field.upper()}": str(value) for field, value in topics.model_dump().items()} | {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap,
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.postgres.port),
            "PGDATABASE": "fraud",
            "PGUSER": "fraud_owner",
            "PGPASSWORD": self.postgres.password,
        }

    def start(self, name: str, topics: TopicSettings, *, module: str | None = None) -> ServiceProcess:
        """Start a service in a consumer group of its own for these topics.

        Args:
            name: scorer, sink or ui.
            topics: the topics it reads and writes.
            module: run instead of the service; reads the same environment.
        """
        port = free_port()
        own = {
            "GROUP_ID": group_of(name, topics),
            "PROBE_PORT": str(port),
            "PORT": str(port),
        }
        env = self.env(topics) | {f"{name.upper()}_{key}": value for key, value in own.items()}
        env |= {"STATE_DIR": str(self.folder), "UI_PROBE_PORT": "0", "GRADIO_TEMP_DIR": str(self.folder / "uploads")}
        module = module or (name if name == "ui" else f"services.{name}")
        return ServiceProcess.start(module, env, self.folder / f"{name}-{topics.scores}.log", port)

    @contextlib.contextmanager
    def running(self, name: str, topics: TopicSettings) -> Iterator[ServiceProcess]:
        """Run a service during the block; it is ready when the block starts."""
        with self.running_together(name, topics, 1) as services:
            yield services[0]

    @contextlib.contextmanager
    def running_together(self, name: str, topics: TopicSettings, count: int) -> Iterator[list[ServiceProcess]]:
        """Run several processes of a service, members of one group, during the block."""
        services = [self.start(name, topics) for _ in range(count)]
        try:
            for service in services:
                wait_until(partial(service.ready, HEALTH.get(name, "/readyz")), READY_SECONDS, service.text)
            yield services
        finally:
            for service in services:
                service.process.terminate()
            for service in services:
                end(service.process)

    def _has_leaders(self, topic: str) -> bool:
        """Return whether all partitions of a new topic have a leader."""
        try:
            self.offsets(topic)
        except KafkaException:
            return False
        return True

    @cached_property
    def _query(self) -> BrokerQuery:
        return BrokerQuery(self.kafka_settings)

    @cached_property
    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.kafka.bootstrap, "allow.auto.create.topics": False})


@contextlib.contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    """Run a broker and a migrated database during the block."""
    with kafka_server(folder / "kafka", heap="768m") as kafka, postgres_server(folder / "postgres") as postgres:
        url = f"postgres://fraud_owner:{postgres.password}@127.0.0.1:{postgres.port}/fraud?sslmode=disable"
        env = {"DATABASE_URL": url, "FRAUD_SINK_PASSWORD": "bench", "FRAUD_UI_PASSWORD": "bench"}
        migrate = [sys.executable, "-m", "db.migrate"]
        subprocess.run(migrate, cwd=ROOT, env=os.environ | env, check=True, stdout=subprocess.DEVNULL)
        yield Servers(folder, kafka, postgres)


def group_of(service: str, topics: TopicSettings) -> str:
    """Return the consumer group of a service for these topics."""
    return f"{service}-{topics.scores}"


def wait_until(condition: Callable[[], bool], seconds: float, explain: Callable[[], str], pause: float = 0.02) -> None:
    """Wait until a condition is true.

    Raises:
        Stop: it did not become true in time; with the end of the explanation.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Stop(f"timed out after {seconds:.0f} s:\n{explain()[-2000:]}")
        time.sleep(pause)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a process that was asked to stop; kill it if that takes too long."""
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
