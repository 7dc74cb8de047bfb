"""The plan of the whole product: services, their environments and dependencies."""

import http.client
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from stack.environment import for_services, for_tools
from stack.kafka import kafka_service, prepare_kafka
from stack.postgres import DATABASE, OWNER, database_url, postgres_service, prepare_postgres
from stack.service import Kind, Service
from stack.settings import StackSettings, read_passwords

HOST = "127.0.0.1"


def prepare(settings: StackSettings, report: Callable[[str], object] = print) -> None:
    """Prepare what the plan needs, once. `report` is called with a line before a slow step.

    Raises:
        Stop: something cannot be fetched or made.
    """
    uploads_folder(settings).mkdir(mode=0o700, parents=True, exist_ok=True)
    prepare_kafka(settings.home / "kafka", settings.kafka_port, settings.jars, report)
    prepare_postgres(settings.home / "postgres", read_passwords(settings.home)["POSTGRES_PASSWORD"], report)


def infrastructure(settings: StackSettings) -> list[Service]:
    """Return Kafka with its topics and PostgreSQL with its schema."""
    home, password = settings.home, read_passwords(settings.home)["POSTGRES_PASSWORD"]
    return [
        kafka_service(home / "kafka", settings.kafka_port, settings.jars, settings.kafka_heap),
        postgres_service(home / "postgres", settings.postgres_port, password),
        _job("topics", "services.topics", kafka_environment(settings), needs="kafka"),
        _job("migrate", "db.migrate", _migrate_environment(settings), needs="postgres"),
    ]


def everything(settings: StackSettings) -> list[Service]:
    """Return the whole product."""
    scorer_port, sink_port, ui_port = settings.scorer_probe_port, settings.sink_probe_port, settings.ui_port
    page = {"UI_HOST": HOST, "UI_PORT": str(ui_port), "UI_PROBE_PORT": str(settings.ui_probe_port)}
    page["TMPDIR"] = str(uploads_folder(settings))
    kafka, state = kafka_environment(settings), {"STATE_DIR": str(settings.home / "state")}
    return [
        *infrastructure(settings),
        _service(
            "scorer",
            "services.scorer",
            kafka | state | {"SCORER_PROBE_PORT": str(scorer_port)},
            needs=("topics",),
            ready=partial(answers_ok, scorer_port, "/readyz"),
            address=f"http://{HOST}:{scorer_port}/metrics",
        ),
        _service(
            "sink",
            "services.sink",
            kafka | state | _database_environment(settings, "fraud_sink") | {"SINK_PROBE_PORT": str(sink_port)},
            needs=("topics", "migrate"),
            ready=partial(answers_ok, sink_port, "/readyz"),
            address=f"http://{HOST}:{sink_port}/metrics",
        ),
        _service(
            "ui",
            "ui",
            kafka | _database_environment(settings, "fraud_ui") | page,
            needs=("topics", "migrate"),
            ready=partial(answers_ok, ui_port, "/healthz"),
            address=page_address(settings),
        ),
    ]


def uploads_folder(settings: StackSettings) -> Path:
    """Return the page's folder for uploads: beside the data, so that it is removed with them."""
    return settings.home / "uploads"


def page_address(settings: StackSettings) -> str:
    """Return the address that a person opens."""
    return f"http://{HOST}:{settings.ui_port}"


def kafka_environment(settings: StackSettings) -> dict[str, str]:
    """Return the environment of a process that talks to the stack's broker."""
    return for_services() | {"KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{settings.kafka_port}"}


def sender_environment(settings: StackSettings) -> dict[str, str]:
    """Return the environment of the sender, which asks the database whether the ids of a file are taken."""
    return kafka_environment(settings) | _database_environment(settings, "fraud_ui")


def dlq_environment(settings: StackSettings) -> dict[str, str]:
    """Return the environment of dlq, with the sink's rights in the database."""
    return kafka_environment(settings) | _database_environment(settings, "fraud_sink")


def owner_environment(settings: StackSettings) -> dict[str, str]:
    """Return the environment of a process that works on both servers with the rights of the database's owner."""
    return kafka_environment(settings) | _database_environment(settings, OWNER)


def doctor_arguments(settings: StackSettings) -> list[str]:
    """Return the doctor's arguments: the addresses of this stack."""
    return [
        f"--scorer-url=http://{HOST}:{settings.scorer_probe_port}",
        f"--sink-url=http://{HOST}:{settings.sink_probe_port}",
        f"--page-url={page_address(settings)}",
    ]


def psql_environment(settings: StackSettings) -> dict[str, str]:
    """Return the environment in which psql and its like connect as the owner."""
    return for_tools() | _database_environment(settings, OWNER)


def answers_ok(port: int, path: str) -> bool:
    """Return whether `GET path` on a port of loopback is answered with 200; takes at most a second."""
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _database_environment(settings: StackSettings, user: str) -> dict[str, str]:
    variable = {OWNER: "POSTGRES_PASSWORD"}.get(user, f"{user.upper()}_PASSWORD")
    return {
        "PGHOST": HOST,
        "PGPORT": str(settings.postgres_port),
        "PGDATABASE": DATABASE,
        "PGUSER": user,
        "PGPASSWORD": read_passwords(settings.home)[variable],
    }


def _migrate_environment(settings: StackSettings) -> dict[str, str]:
    passwords = read_passwords(settings.home)
    roles = {name: passwords[name] for name in ("FRAUD_SINK_PASSWORD", "FRAUD_UI_PASSWORD")}
    owner = {"DATABASE_URL": database_url(settings.postgres_port), "PGPASSWORD": passwords["POSTGRES_PASSWORD"]}
    return for_services() | roles | owner


def _job(name: str, module: str, env: Mapping[str, str], needs: str) -> Service:
    return Service(name, (sys.executable, "-m", module), env, needs=(needs,), kind=Kind.JOB)


def _service(
    name: str, module: str, env: Mapping[str, str], needs: tuple[str, ...], ready: Callable[[], bool], address: str
) -> Service:
    return Service(name, (sys.executable, "-m", module), env, needs=needs, ready=ready, address=address)
