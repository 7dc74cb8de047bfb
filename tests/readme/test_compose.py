"""The README's commands with Docker, on a real engine."""

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.readme.commands import ROOT, commands, run

SERVICES = {"kafka", "postgres", "scorer", "sink", "ui"}
SAMPLE_ROWS = 2_000


def compose(*arguments: str) -> str:
    done = subprocess.run(["docker", "compose", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def psql(query: str) -> str:
    return compose("exec", "-T", "postgres", "psql", "-U", "fraud_owner", "-At", "fraud", "-c", query).strip()


def states() -> dict[str, tuple[str, str]]:
    rows = [json.loads(line) for line in compose("ps", "--format", "json").splitlines()]
    return {row["Service"]: (row["State"], row["Health"]) for row in rows}


@pytest.fixture(scope="module")
def up() -> Iterator[dict[str, str]]:
    """Everything the README says up to its last command, which takes all down again."""
    wanted = commands("docker")
    assert wanted[0] == "docker compose up --build --wait"
    assert wanted[-1] == "docker compose down"
    compose("down", "--volumes", "--remove-orphans")
    try:
        yield {command: run(command) for command in wanted[:-1]}
        run(wanted[-1])
    finally:
        compose("down", "--volumes", "--remove-orphans")


def test_everything_is_up_healthy_and_stays_up(up: dict[str, str]) -> None:
    """Ten seconds later no service has restarted."""
    assert up
    time.sleep(10)

    assert states() == dict.fromkeys(SERVICES, ("running", "healthy"))
    for service in SERVICES:
        [container] = compose("ps", "-q", service).split()
        inspected = subprocess.run(
            ["docker", "inspect", "-f", "{{.RestartCount}} {{.Config.User}}", container],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        assert inspected[0] == "0", service
        if service not in {"kafka", "postgres"}:
            assert inspected[1] == "app"


def test_the_sample_is_scored_and_kept(up: dict[str, str]) -> None:
    """Rows counted by psql inside the container of PostgreSQL."""
    deadline = time.monotonic() + 60
    query = "select count(*), count(event_time), sum(fraud_flag) > 0 from scored_transactions"
    while psql(query) != f"{SAMPLE_ROWS}|{SAMPLE_ROWS}|t":
        assert time.monotonic() < deadline, psql(query)
        time.sleep(0.5)


def test_the_images_of_the_services_hold_no_training_library(up: dict[str, str]) -> None:
    """Neither pandas nor scikit-learn nor LightGBM can be imported where scores are made."""
    for service in ("scorer", "sink"):
        names = "'pandas', 'sklearn', 'lightgbm', 'onnxmltools'"
        script = f"import importlib.util as u; print([n for n in ({names}) if u.find_spec(n)])"
        assert compose("exec", "-T", service, "python", "-c", script).strip() == "[]"


def test_a_killed_service_comes_back_by_itself(up: dict[str, str]) -> None:
    """kill -9 of the scorer's and the sink's process: everything is healthy again and the file still adds nothing."""
    for service in ("scorer", "sink"):
        [container] = compose("ps", "-q", service).split()
        pid = subprocess.run(
            ["docker", "inspect", "-f", "{{.State.Pid}}", container], capture_output=True, text=True, check=True
        ).stdout
        subprocess.run(["kill", "-9", pid.strip()], check=True)
    compose("exec", "-T", "ui", "python", "-m", "services.sender", "services/simulator/sample.csv")
    deadline = time.monotonic() + 90
    offsets = "select sum(next_offset) from sink_offsets where topic = 'transactions'"
    while psql(offsets) != str(2 * SAMPLE_ROWS) or set(states().values()) != {("running", "healthy")}:
        assert time.monotonic() < deadline, (psql(offsets), states())
        time.sleep(1)

    assert psql("select count(*) from scores") == str(SAMPLE_ROWS)
