"""The stack's real servers: started from nothing, killed, started again; and its commands when things go wrong.

Kafka's jars are those of the repository's own `.stack/jars`, fetched there once; all else stays in tmp_path.
"""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from services.common.errors import Stop
from services.common.kafka.closing import close
from services.common.settings import project_root
from stack.jars import fetch_jars
from stack.kafka import SHORT_LIVED
from stack.ports import free_port, is_taken
from stack.processes import ProcessId
from stack.report import Phase, Report, read_report
from stack.servers import KafkaServer, PostgresServer, kafka_server, postgres_server
from stack.settings import StackSettings

WITHIN_SECONDS = 120.0


@pytest.fixture(scope="module")
def jars() -> Path:
    """The shared folder of jars; without a network and without jars these tests cannot run."""
    folder = StackSettings.read().jars
    try:
        fetch_jars(folder)
    except Stop as stopped:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(stopped))
    return folder


@pytest.fixture(scope="module")
def own_kafka(jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    with kafka_server(tmp_path_factory.mktemp("kafka"), flags=SHORT_LIVED) as server:
        yield server


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def environment(jars: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a stack of its own: free ports, and nothing to fetch."""
    (tmp_path / "jars").symlink_to(jars)
    ports = {
        f"{name}_PORT": str(free_port())
        for name in ("KAFKA", "POSTGRES", "UI", "SCORER_PROBE", "SINK_PROBE", "UI_PROBE")
    }
    return os.environ | ports | {"STACK_HOME": str(tmp_path), "KAFKA_HEAP": "384m"}


def stack(environment: dict[str, str], *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stack", *command],
        env=environment, cwd=project_root(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def wait_for_report(home: Path, *, phase: Phase | None = None, started: str | None = None) -> Report:
    """Wait until a living stack is in a phase, or a service of it has a process."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < deadline:
        report = read_report(home)
        entries = report.entries if report and report.is_running else ()
        if report and entries and (report.phase is phase or any(e.name == started and e.process for e in entries)):
            return report
        time.sleep(0.05)
    pytest.fail(f"the stack in {home} did not get there: {read_report(home)}")


def processes(report: Report) -> list[ProcessId]:
    return [report.supervisor, *(entry.process for entry in report.entries if entry.process)]


def read_all(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap, "group.id": f"read-{time.time_ns()}", "auto.offset.reset": "earliest",
            "isolation.level": "read_committed", "log_level": 0,
        }
    )  # fmt: skip
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    deadline, values = time.monotonic() + WITHIN_SECONDS, list[bytes]()
    while len(values) < count and time.monotonic() < deadline:
        values += [message.value() or b"" for message in consumer.consume(count, 0.5) if not message.error()]
    values += [message.value() or b"" for message in consumer.consume(1, 1.0) if not message.error()]
    close(consumer)
    return values


def test_kafka_keeps_transactions_through_kill_9(own_kafka: KafkaServer) -> None:
    """What could be read before a kill of the broker is there after it; what was aborted is not, before and after."""
    admin = AdminClient({"bootstrap.servers": own_kafka.bootstrap, "log_level": 0})
    admin.create_topics([NewTopic("kept", 1)], operation_timeout=30)["kept"].result(30)
    producer = Producer({"bootstrap.servers": own_kafka.bootstrap, "transactional.id": "kept", "log_level": 0})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce("kept", b"aborted")
    producer.flush(30)
    producer.abort_transaction(30)
    producer.begin_transaction()
    for number in range(100):
        producer.produce("kept", b"%d" % number)
    producer.commit_transaction(30)
    del producer
    committed = [b"%d" % number for number in range(100)]
    assert read_all(own_kafka.bootstrap, "kept", 100) == committed

    own_kafka.kill()
    own_kafka.start()

    assert read_all(own_kafka.bootstrap, "kept", 100) == committed


@pytest.mark.slow
def test_kafka_makes_no_topic_that_nobody_made(own_kafka: KafkaServer) -> None:
    """A misspelt topic is an error, not a new topic."""
    admin = AdminClient({"bootstrap.servers": own_kafka.bootstrap, "log_level": 0})
    admin.list_topics("misspelt", timeout=30)
    assert "misspelt" not in admin.list_topics(timeout=30).topics


def test_postgres_keeps_commits_through_kill_9(own_postgres: PostgresServer) -> None:
    """What was committed before a kill of the server is there after it."""
    with psycopg.connect(own_postgres.conninfo) as session:
        session.execute("create table kept (x integer)")
        session.execute("insert into kept values (1)")

    own_postgres.kill()
    own_postgres.start()

    with psycopg.connect(own_postgres.conninfo) as session:
        assert session.execute("select x from kept").fetchall() == [(1,)]


def test_postgres_is_18_with_a_password_and_safe_commits(own_postgres: PostgresServer) -> None:
    """The version and the settings that the product relies on; a wrong password opens nothing."""
    with psycopg.connect(own_postgres.conninfo) as session:
        assert session.info.server_version // 10_000 == 18
        for name, value in {"fsync": "on", "synchronous_commit": "on", "password_encryption": "scram-sha-256"}.items():
            assert session.execute("select current_setting(%s)", [name]).fetchone() == (value,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(own_postgres.conninfo, password="wrong")


def make_topic(server: KafkaServer, name: str) -> str:
    """Make a topic; return the id of the cluster."""
    admin = AdminClient({"bootstrap.servers": server.bootstrap, "log_level": 0})
    admin.create_topics([NewTopic(name, 1)], operation_timeout=30)[name].result(30)
    return str(admin.list_topics(timeout=30).cluster_id)


@pytest.mark.slow
def test_kafka_lives_in_a_folder_of_any_name_and_moves_with_it(
    jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters beyond Latin, blanks, commas and what URLs and properties escape; also where the locale is ASCII."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("UI_PASSWORD", "not for servers")
    old, new = tmp_path / "проба, 'a' #1%41=\\u0041" / "kafka", tmp_path / "перенос é"
    with kafka_server(old, flags=SHORT_LIVED) as server:
        cluster = make_topic(server, "first")
        assert "not for servers" not in "".join(server.service.env.values())
    old.rename(new)
    with kafka_server(new, flags=SHORT_LIVED) as server:
        assert make_topic(server, "second") == cluster
        topics = AdminClient({"bootstrap.servers": server.bootstrap, "log_level": 0}).list_topics(timeout=30).topics

    assert {"first", "second"} <= topics.keys()
    assert (new / "data" / "meta.properties").exists()
    assert [path.name for path in tmp_path.iterdir() if path not in {old.parent, new}] == []
    assert stat.S_IMODE((new / "server.properties").stat().st_mode) == 0o600


@pytest.mark.slow
def test_postgres_lives_in_a_folder_of_any_name_and_moves_with_it(tmp_path: Path) -> None:
    """Likewise."""
    old, new = tmp_path / "проба, 'a' \"b\" #1%41\\" / "postgres", tmp_path / "перенос é"
    with postgres_server(old) as server, psycopg.connect(server.conninfo) as session:
        session.execute("create table kept (x integer)")
    old.rename(new)
    with postgres_server(new) as server, psycopg.connect(server.conninfo) as session:
        assert session.execute("select count(*) from kept").fetchone() == (0,)


def test_up_on_a_taken_port_names_the_variable_and_starts_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    """The message comes before anything is fetched, made or started."""
    with socket.create_server(("127.0.0.1", int(environment["KAFKA_PORT"]))):
        command = stack(environment, "up")
        output, _ = command.communicate(timeout=WITHIN_SECONDS)
    assert command.returncode == 1
    assert "set KAFKA_PORT to a free port" in output
    assert not (tmp_path / "kafka").exists()
    assert read_report(tmp_path) is None


@pytest.mark.slow
def test_ctrl_c_during_up_leaves_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    """Interrupted while Kafka starts, everything that was started is stopped before the command returns."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and so on
    command = stack(environment, "up")
    signal.signal(signal.SIGINT, before)
    report = wait_for_report(tmp_path, started="kafka")
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=WITHIN_SECONDS)
    assert command.returncode == 130
    assert not any(process.is_alive for process in processes(report))
    assert not any(is_taken(int(environment[name])) for name in ("KAFKA_PORT", "POSTGRES_PORT"))


@pytest.mark.slow
def test_a_failed_up_shows_why_and_leaves_the_tools_that_mend_it(environment: dict[str, str], tmp_path: Path) -> None:
    """The end of the culprit's log, exit code 1; the database answers, and the next `up` starts again."""
    command = stack(environment | {"TOPIC_PARTITIONS": "0"}, "up")
    output, _ = command.communicate(timeout=WITHIN_SECONDS)
    assert command.returncode == 1
    assert "topics failed" in output
    assert "TOPIC_PARTITIONS" in output
    assert "make psql" in output
    report = read_report(tmp_path)
    assert report is not None
    assert (report.phase, report.culprit) == (Phase.STARTING, "topics")
    status, _ = stack(environment, "status").communicate(timeout=WITHIN_SECONDS)
    assert "topics does not start: make logs SERVICE=topics" in status
    psql = stack(environment, "psql", "--tuples-only", "-c", "select 'answers'")
    assert "answers" in psql.communicate(timeout=WITHIN_SECONDS)[0]

    again = stack(environment | {"TOPIC_PARTITIONS": "0"}, "up")
    output, _ = again.communicate(timeout=WITHIN_SECONDS)
    assert "topics does not start: restarting everything" in output
    assert "topics failed" in output
    assert stack(environment, "down").wait(WITHIN_SECONDS) == 0
    assert not any(process.is_alive for process in processes(report))


@pytest.mark.slow
def test_a_killed_supervisor_leaves_nothing_and_the_next_start_copes(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Kill -9 ends Kafka and PostgreSQL too; `status` says so; the next start takes up the same data."""
    command = stack(environment, "run-infra")
    report = wait_for_report(tmp_path, phase=Phase.UP)
    command.kill()
    command.communicate(timeout=WITHIN_SECONDS)
    if sys.platform == "linux":
        assert all(process.wait(10) for process in processes(report))
    status = stack(environment, "status")
    assert "the supervisor was killed" in status.communicate(timeout=WITHIN_SECONDS)[0]
    assert status.returncode == 1

    again = stack(environment, "run-infra")
    report = wait_for_report(tmp_path, phase=Phase.UP)
    elsewhere = {name: value for name, value in environment.items() if not name.endswith("_PORT")}
    psql = stack(elsewhere, "psql", "--tuples-only", "-c", "select 'found'")
    assert "found" in psql.communicate(timeout=WITHIN_SECONDS)[0], "commands use the ports of the stack that runs"
    assert stack(environment, "down").wait(WITHIN_SECONDS) == 0
    again.communicate(timeout=WITHIN_SECONDS)
    assert again.returncode == 0
    assert not any(process.is_alive for process in processes(report))
