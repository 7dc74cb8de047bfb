"""The servers and services of a measurement."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.common.settings import KafkaSettings, TopicSettings
from services.topics.__main__ import make_topics
from stack.ports import free_port
from stack.servers import KafkaServer, PostgresServer, kafka_server, postgres_server
from tests.support.processes import ROOT, ServiceProcess


@dataclass
class Servers:
    """A broker, a database with the mart in it, and a folder for files."""

    folder: Path
    kafka: KafkaServer
    postgres: PostgresServer

    @property
    def kafka_settings(self) -> KafkaSettings:
        """Return how to reach the broker."""
        return KafkaSettings(bootstrap_servers=self.kafka.bootstrap)

    def make_topics(self, name: str) -> TopicSettings:
        """Return fresh topics."""
        topics = TopicSettings(
            transactions=f"{name}-in", scores=f"{name}-out", dead_letters=f"{name}-dlq", history=f"{name}-history"
        )
        make_topics(self.kafka_settings, topics)
        return topics

    def make_csv(self, rows: int) -> Path:
        """Return a CSV file of simulated payments."""
        path = self.folder / f"{rows}.csv"
        arguments = ["csv", "--rows", str(rows), "--seed", "1", "--shuffle", "--out", str(path)]
        subprocess.run([sys.executable, "-m", "services.simulator", *arguments], cwd=ROOT, check=True)
        return path

    def send(self, csv_file: Path, topics: TopicSettings) -> None:
        """Send a CSV file as `make send` does."""
        command = [sys.executable, "-m", "services.sender", str(csv_file)]
        subprocess.run(command, cwd=ROOT, env=os.environ | self.env(topics), check=True, stdout=subprocess.DEVNULL)

    def bytes_of(self, topic: str) -> int:
        """Return the bytes of a topic's segments on the broker's disk."""
        return sum(path.stat().st_size for path in self.folder.glob(f"kafka/data/{topic}-*/*.log"))

    def env(self, topics: TopicSettings) -> dict[str, str]:
        """Return the environment of the services."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap,
            "TOPIC_TRANSACTIONS": topics.transactions,
            "TOPIC_SCORES": topics.scores,
            "TOPIC_DEAD_LETTERS": topics.dead_letters,
            "TOPIC_HISTORY": topics.history,
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.postgres.port),
            "PGDATABASE": "fraud",
            "PGUSER": "fraud_owner",
            "PGPASSWORD": self.postgres.password,
        }

    @contextlib.contextmanager
    def running(self, name: str, topics: TopicSettings) -> Iterator[ServiceProcess]:
        """Run a service while the block lasts."""
        port = free_port()
        own = {"GROUP_ID": f"{name}-{topics.transactions}", "STATE_DIR": str(self.folder), "PROBE_PORT": str(port)}
        env = self.env(topics) | {f"{name.upper()}_{key}": value for key, value in own.items()}
        service = ServiceProcess.start(f"services.{name}", env, self.folder / f"{name}.log", port)
        try:
            yield service.wait_ready()
        finally:
            service.terminate()


@contextlib.contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    """Run a broker and a migrated database while the block lasts."""
    with kafka_server(folder / "kafka", heap="768m") as kafka, postgres_server(folder / "postgres") as postgres:
        url = f"postgres://fraud_owner:{postgres.password}@127.0.0.1:{postgres.port}/fraud?sslmode=disable"
        env = {"DATABASE_URL": url, "FRAUD_SINK_PASSWORD": "bench", "FRAUD_UI_PASSWORD": "bench"}
        subprocess.run([sys.executable, "-m", "db.migrate"], cwd=ROOT, env=os.environ | env, check=True)
        yield Servers(folder, kafka, postgres)
