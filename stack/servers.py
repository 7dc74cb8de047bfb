"""Private Kafka and PostgreSQL servers, for tests and benchmarks: started, killed, started again on the same data.

Knows nothing of the stack's own instance, except that its jars are shared. Use from the main thread: on Linux the
servers end with the thread that started them.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.common.errors import Stop
from stack.kafka import kafka_service, prepare_kafka
from stack.ports import free_port
from stack.postgres import conninfo, postgres_service, prepare_postgres
from stack.processes import spawn, stop
from stack.service import Service
from stack.settings import StackSettings, read_passwords

RETRY_SECONDS = 0.2


@dataclass
class Server:
    """One service of its own. `log` holds what it printed."""

    service: Service
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start and wait until it is ready.

        A server that exits at once is started again: after a kill, PostgreSQL refuses until its orphans are gone.

        Raises:
            Stop: not ready in time; with the end of the log.
        """
        deadline = time.monotonic() + self.service.ready_within_seconds
        while self.process is None or not self.service.ready():
            if time.monotonic() > deadline:
                self.stop()
                end_of_log = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise Stop(f"{self.service.name} did not get ready:\n{end_of_log}")
            if self.process is None or self.process.poll() is not None:
                self.launch()
            time.sleep(RETRY_SECONDS)

    def launch(self) -> None:
        """Start its process and do not wait."""
        service = self.service
        self.process = spawn(
            service.argv, env=service.env, log=self.log, death_signal=service.death_signal, cwd=service.cwd
        )

    def stop(self) -> None:
        """Stop it cleanly; killed if that takes too long. Its data stays."""
        if self.process:
            stop(self.process, self.service.stop_signal, self.service.stop_within_seconds)
            self.process = None

    def kill(self) -> None:
        """Kill it with SIGKILL, as a crash would."""
        if self.process:
            stop(self.process, signal.SIGKILL, 10)
            self.process = None

    def restart(self) -> None:
        """Stop it cleanly and start it again on the same data and port."""
        self.stop()
        self.start()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Keep its process frozen (SIGSTOP) for the length of the block."""
        if self.process is None:
            raise Stop(f"{self.service.name} does not run")
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@dataclass
class KafkaServer(Server):
    """A broker; `bootstrap` is its host:port."""

    bootstrap: str


@dataclass
class PostgresServer(Server):
    """A PostgreSQL server with an empty database; `conninfo` connects as its owner, a superuser."""

    conninfo: str
    port: int
    password: str


@contextlib.contextmanager
def kafka_server(
    home: Path,
    port: int | None = None,
    heap: str = "512m",
    *,
    flags: Sequence[str] = (),
    properties: Mapping[str, str] | None = None,
    cluster_id: str | None = None,
    scram: Mapping[str, str] | None = None,
    login: Mapping[str, str] | None = None,
) -> Iterator[KafkaServer]:
    """Run a broker with its data in `home` while the block lasts; on a free port unless one is given.

    Args:
        home: folder of its configuration and data.
        port: where clients connect.
        heap: as in java -Xmx.
        flags: more of the JVM's.
        properties: of the broker, over the stack's own, as prepare_kafka() takes them.
        cluster_id: shared by the brokers of a cluster.
        scram: users that exist from the first start on, as prepare_kafka() takes them.
        login: librdkafka's properties of a client that may ask whether it is ready.
    """
    port = port or free_port()
    jars = StackSettings.read().jars
    prepare_kafka(home, port, jars, properties=properties, cluster_id=cluster_id, scram=scram)
    service = kafka_service(home, port, jars, heap, flags=flags, login=login)
    server = KafkaServer(service, home / "kafka.log", bootstrap=service.address)
    with running(server):
        yield server


@contextlib.contextmanager
def postgres_server(home: Path, port: int | None = None) -> Iterator[PostgresServer]:
    """Run a PostgreSQL server with its data in `home` while the block lasts; on a free port unless one is given."""
    port = port or free_port()
    password = read_passwords(home)["POSTGRES_PASSWORD"]
    prepare_postgres(home, password)
    service = postgres_service(home, port, password)
    server = PostgresServer(
        service, home / "postgres.log", conninfo=conninfo(port, password), port=port, password=password
    )
    with running(server):
        yield server


@contextlib.contextmanager
def running(server: Server) -> Iterator[None]:
    """Keep a server running while the block lasts."""
    try:
        server.start()
        yield
    finally:
        server.stop()
