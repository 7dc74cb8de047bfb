"""Fixtures of all tests: a real Kafka, a real PostgreSQL, and the services as processes."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import hypothesis
import psycopg
import pytest

from services.common.settings import KafkaSettings, TopicSettings
from services.topics.__main__ import make_topics
from stack.kafka import SHORT_LIVED
from stack.ports import free_port
from stack.servers import KafkaServer, PostgresServer, kafka_server, postgres_server
from tests.support.processes import ServiceProcess, module_of

pytest.register_assert_rewrite("tests.support.page", "tests.support.topics", "tests.faults")
pytest_plugins = ["tests.support.hang_limit"]

ROOT = Path(__file__).resolve().parent
PASSWORDS = {"fraud_sink": "sink-secret", "fraud_ui": "ui-secret"}

_numbers = itertools.count(1)

# The first test of a fresh checkout that draws a text builds tables of all characters, and a busy machine may pause.
_patient = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("patient", _patient)
hypothesis.settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put two files of other tests after each file of browser tests.

    The workers of pytest-xdist take files in this order. Browsers compute and the rest mostly waits, so that browsers
    side by side would crawl. The units, which do neither for long, stay last and fill the gaps at the end.
    """
    files = {path: list(found) for path, found in itertools.groupby(items, lambda item: item.path)}
    browsers = [path for path in files if path.parent.name == "e2e"]
    others = [path for path in files if path.parent.name != "e2e"]
    order = [path for at, path in enumerate(browsers) for path in (path, *others[2 * at : 2 * at + 2])]
    items[:] = [item for path in (*order, *others[2 * len(browsers) :]) for item in files[path]]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A real Kafka broker for the session."""
    with kafka_server(tmp_path_factory.mktemp("kafka"), flags=SHORT_LIVED) as server:
        yield server


@pytest.fixture(scope="session")
def kafka(broker: KafkaServer) -> str:
    """host:port of the broker."""
    return broker.bootstrap


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A real PostgreSQL server for the session, migrated, its roles with the passwords of PASSWORDS."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        url = f"postgres://fraud_owner:{server.password}@127.0.0.1:{server.port}/fraud?sslmode=disable"
        passwords = {f"{role.upper()}_PASSWORD": password for role, password in PASSWORDS.items()}
        env = os.environ | passwords | {"DATABASE_URL": url}
        subprocess.run([sys.executable, "-m", "db.migrate"], cwd=ROOT, env=env, check=True)
        yield server


@pytest.fixture(scope="session")
def postgres(database: PostgresServer) -> str:
    """libpq connection string of the database's owner."""
    return database.conninfo


@pytest.fixture
def owner(database: PostgresServer) -> dict[str, str]:
    """libpq's variables of the owner, as the tools have them that need the owner's rights."""
    return database_env(database, "fraud_ui") | {"PGUSER": "fraud_owner", "PGPASSWORD": database.password}


@pytest.fixture
def mart(postgres: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """A connection of the owner to the mart, whose tables are empty."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            "truncate scores, transactions, alerts, verdicts, model_spans, shadow_tallies, backfill_runs,"
            " backfill_scores, sink_offsets, sink_rejects, case_locks, blind_draws, blind_samples restart identity"
        )
        yield connection


@pytest.fixture
def topics(kafka: str) -> TopicSettings:
    """Fresh topics of this test alone."""
    number = next(_numbers)
    settings = TopicSettings(
        transactions=f"transactions-{number}",
        scores=f"scores-{number}",
        alerts=f"alerts-{number}",
        dead_letters=f"transactions-{number}.dlq",
        history=f"scorer-{number}.history",
        models=f"scorer-{number}.models",
    )
    make_topics(KafkaSettings(bootstrap_servers=kafka), settings)
    return settings


class Start(Protocol):
    """Starts a service of this test: start("scorer"), start("sink", "--until-empty", SINK_GROUP_ID="other").

    With `module="tests.faults.service"` its client libraries have failpoints.
    """

    def __call__(self, name: str, *arguments: str, module: str = "", **env: str) -> ServiceProcess: ...


@pytest.fixture
def start(
    kafka: str, topics: TopicSettings, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., ServiceProcess]]:
    """Start services against the test's topics; whatever still runs at the end is killed."""
    running: list[ServiceProcess] = []

    def start_service(name: str, *arguments: str, module: str = "", **env: str) -> ServiceProcess:
        port = free_port()
        common = kafka_env(kafka, topics) | {
            f"{name.upper()}_GROUP_ID": f"{name}-{topics.transactions}",
            "STATE_DIR": str(tmp_path),
            f"{name.upper()}_PROBE_PORT": str(port),
        }
        if name in {"sink", "dlq"}:
            common |= database_env(request.getfixturevalue("database"), "fraud_sink")
        log = tmp_path / f"{name}-{len(running)}.log"
        started = (module, name) if module else (module_of(name),)
        service = ServiceProcess.start(started[0], common | env, log, port, *started[1:], *arguments)
        running.append(service)
        return service

    yield start_service
    for service in running:
        if service.process.poll() is None:
            service.kill()


def kafka_env(bootstrap: str, topics: TopicSettings) -> dict[str, str]:
    """Return the variables that say where Kafka is and how its topics are called."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "TOPIC_TRANSACTIONS": topics.transactions,
        "TOPIC_SCORES": topics.scores,
        "TOPIC_ALERTS": topics.alerts,
        "TOPIC_DEAD_LETTERS": topics.dead_letters,
        "TOPIC_HISTORY": topics.history,
        "TOPIC_MODELS": topics.models,
    }


def database_env(server: PostgresServer, role: str) -> dict[str, str]:
    """Return libpq's variables for a role."""
    return {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGDATABASE": "fraud",
        "PGUSER": role,
        "PGPASSWORD": PASSWORDS[role],
    }


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; without one the test is skipped on a laptop and fails in CI."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    if os.environ.get("CI"):
        pytest.fail("no Chromium on this machine: apt-get install chromium")
    pytest.skip("no Chromium on this machine")
