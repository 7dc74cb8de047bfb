"""The README's commands with Docker, on a real engine."""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from services import __version__
from stack.ports import free_port
from tests.faults.load import under_load
from tests.faults.slack import slack
from tests.readme.commands import ROOT, commands, run
from tests.support.compose import Project
from tests.support.processes import wait_for

pytestmark = pytest.mark.timeout(900)  # images are built and libraries fetched in a fixture

SERVICES = {"kafka", "postgres", "scorer", "sink", "ui"}
JOBS = {"passwords", "migrate", "topics"}
SAMPLE_ROWS = 2_000

CLEAR_LINE = "\x1b[2K"
"""Compose puts it before each line of `logs` and `up` (ECMA-48, "Erase in Line"), also where no terminal reads them."""


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
            assert inspected[1] == "10001"


def inspect(service: str) -> dict[str, Any]:
    [container] = compose("ps", "--all", "-q", service).split()
    done = subprocess.run(["docker", "inspect", container], capture_output=True, text=True, check=True)
    [found] = json.loads(done.stdout)
    return cast(dict[str, Any], found)


@pytest.mark.parametrize("service", sorted(SERVICES | JOBS))
def test_a_container_has_no_more_than_it_needs(up: dict[str, str], service: str) -> None:
    """No capability, no new privileges, nothing to write to but its volumes and memory, limits, and never root."""
    found = inspect(service)
    host, config = found["HostConfig"], found["Config"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert any("no-new-privileges" in option for option in host["SecurityOpt"])
    assert host["PidsLimit"] == 512
    assert host["Memory"] == 2 << 30
    assert config["User"] not in {"", "root", "0"}


def test_nothing_stays_behind_without_a_name(up: dict[str, str]) -> None:
    """Each volume belongs to the project by name, those that the official images declare too: `down -v` takes all."""
    project = json.loads(compose("config", "--format", "json"))
    names = {volume["name"] for volume in project["volumes"].values()}
    for service in SERVICES | JOBS:
        used = {mount["Name"] for mount in inspect(service)["Mounts"] if mount["Type"] == "volume"}
        assert used <= names, service


def test_the_broker_logs_to_standard_output_alone(up: dict[str, str]) -> None:
    """Its files would be in memory, and nothing removes them."""
    assert "Kafka Server started" in compose("logs", "--no-color", "kafka")
    files = compose("exec", "-T", "kafka", "sh", "-c", "ls /tmp /opt/kafka/logs 2>/dev/null || true").split()
    assert not [file for file in files if ".log" in file]


def test_logs_are_text_for_people_and_json_for_what_collects_them(up: dict[str, str]) -> None:
    """Without a setting, and with LOG_FORMAT=json: of the job `topics`, which can be run again at any time."""
    for service in ("topics", "scorer", "sink", "ui"):
        told = compose("logs", "--no-color", "--no-log-prefix", service).replace(CLEAR_LINE, "")
        assert "[info" in told, service
        assert "\x1b" not in told
        assert '"event"' not in told
    done = subprocess.run(
        ["docker", "compose", "run", "--rm", "-T", "--no-deps", "topics"],
        cwd=ROOT,
        env=os.environ | {"LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {json.loads(line)["event"] for line in done.stdout.splitlines()} == {"topic_exists"}


def test_no_password_stands_in_an_environment(up: dict[str, str]) -> None:
    """Neither of a container nor of an image: they are made at random and come by file."""
    for service in SERVICES | JOBS:
        names = {line.partition("=")[0] for line in inspect(service)["Config"]["Env"] if line.partition("=")[2]}
        assert not {name for name in names if "PASSWORD" in name and not name.endswith("_FILE")}, service


def test_nothing_but_the_page_is_reached_from_outside(up: dict[str, str]) -> None:
    """Other ports are open to this machine alone, and the networks of the services have no way out."""
    for service in SERVICES:
        bindings = [b for found in (inspect(service)["HostConfig"]["PortBindings"] or {}).values() for b in found]
        assert all(binding["HostIp"] == "127.0.0.1" for binding in bindings), service
        assert bool(bindings) == (service in {"ui", "kafka", "postgres"})


def test_who_does_not_need_another_does_not_find_it(up: dict[str, str]) -> None:
    """The scorer has no way to the database."""
    finds = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
    for service, other, port, found in (
        ("scorer", "kafka", 9092, True),
        ("scorer", "postgres", 5432, False),
        ("sink", "postgres", 5432, True),
        ("ui", "postgres", 5432, True),
    ):
        argv = ["docker", "compose", "exec", "-T", service, "python", "-c", finds, other, str(port)]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == found, f"{service} -> {other}: {done.stderr[-300:]}"


def test_an_image_says_what_it_is(up: dict[str, str]) -> None:
    """By the labels of the Open Container Initiative, with the version of the code."""
    for service in ("scorer", "sink", "ui", "migrate"):
        labels = inspect(service)["Config"]["Labels"]
        assert labels["org.opencontainers.image.title"] == f"fraud-{service}"
        assert labels["org.opencontainers.image.version"] == __version__
        assert labels["org.opencontainers.image.revision"]


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


def test_an_own_model_is_mounted_swapped_by_a_copy_and_tried_by_a_backfill(
    up: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/models.md says. The folder cannot be written from within; afterwards the shipped model is back."""
    shipped = json.loads((ROOT / "onnx/manifest.json").read_bytes())
    live, later = (tmp_path / name for name in ("live", "next"))
    for folder, version in ((live, "own-1"), (later, "own-2")):
        folder.mkdir()
        for file in (shipped["model_file"], "contract.toml", "risk.json"):
            shutil.copy(ROOT / "onnx" / file, folder)
        (folder / "manifest.json").write_text(json.dumps(shipped | {"version": version}))
    monkeypatch.setenv("SCORER_MODEL_DIR", str(live))
    monkeypatch.setenv("SCORER_SHADOW_MODEL_DIR", str(later))
    compose("up", "--wait", "scorer")
    assert "model='own-1'" in compose("logs", "--no-color", "scorer")
    assert "read-only file system" in compose("exec", "-T", "scorer", "sh", "-c", "touch onnx/x 2>&1 || true").lower()
    shutil.copy(later / "manifest.json", live)
    wait_for(lambda: "model_swapped" in compose("logs", "--no-color", "scorer"), 60 * slack())

    tools = ("-f", "docker-compose.yml", "-f", "docker-compose.tools.yml")
    told = compose(*tools, "run", "--rm", "--build", "--volume", f"{later}:/model:ro", "backfill")
    assert "own-2" in told
    assert int(psql("select count(*) from backfill_scores")) >= SAMPLE_ROWS
    monkeypatch.undo()
    compose("up", "--wait", "scorer")


def pid_of(service: str) -> int:
    """Return the number, on this machine, of the first process of a service's container."""
    [container] = compose("ps", "-q", service).split()
    command = ["docker", "inspect", "-f", "{{.State.Pid}}", container]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.timeout(1_800)
def test_whichever_container_is_killed_nothing_is_lost_or_doubled(up: dict[str, str]) -> None:
    """kill -9 of each container's process in turn, under load: all are healthy again, and nobody helped."""
    bootstrap = f"127.0.0.1:{os.environ.get('KAFKA_PORT') or 19092}"
    conninfo = (
        f"host=127.0.0.1 port={os.environ.get('POSTGRES_PORT') or 15432} dbname=fraud user=fraud_owner"
        f" password={compose('exec', '-T', 'postgres', 'cat', '/run/secrets/password').strip()}"
    )
    seed, took = secrets.token_hex(4), dict[str, float]()
    victims = Random(seed).sample(sorted(SERVICES), len(SERVICES))

    def explain() -> str:
        told = (
            line for line in compose("logs", "--no-color", "scorer", "sink").splitlines() if "_TRANSPORT" not in line
        )
        return "\n".join([f"{victims}, healthy again after seconds: {took}, now {states()}", *list(told)[-60:]])

    with under_load(bootstrap, conninfo, seed, explain) as watcher:
        for service in victims:
            watcher.seconds_to_recover(time.monotonic(), 60 * slack(), explain)
            os.kill(pid_of(service), signal.SIGKILL)
            killed = time.monotonic()
            watcher.seconds_to_recover(killed, 60 * slack(), explain)
            wait_for(_all_healthy, 120 * slack(), explain)
            took[service] = round(time.monotonic() - killed, 1)
    print(f"seconds until healthy: {took}")
    assert _all_healthy()


def _all_healthy() -> bool:
    return states() == dict.fromkeys(SERVICES, ("running", "healthy"))


PORTS = ("KAFKA_PORT", "POSTGRES_PORT", "UI_PORT")


@pytest.fixture
def second() -> Iterator[Project]:
    """A second project, on ports and with images of its own; nothing of it is left."""
    name = f"fraud-second-{os.getpid()}"
    env = {port: str(free_port()) for port in PORTS} | {"IMAGE_PREFIX": f"{name}/"}
    project = Project(name=name, files=["docker-compose.yml"], env=env)
    try:
        yield project
    finally:
        project.compose("down", "--volumes", "--remove-orphans")
        built = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"{name}/*"]
        images = subprocess.run(built, capture_output=True, text=True, check=True).stdout.split()
        if images:
            subprocess.run(["docker", "image", "rm", *images], capture_output=True, check=True)


@pytest.mark.timeout(1_800)
def test_up_without_a_flag_builds_what_is_missing_beside_another_project(
    up: dict[str, str], second: Project, tmp_path: Path
) -> None:
    """From a fresh clone and attached: readable lines under the services' names; Ctrl+C stops everything."""
    log = tmp_path / "up.log"
    with log.open("wb") as file:
        attached = subprocess.Popen(
            second.command("up"),
            cwd=ROOT,
            env=os.environ | second.env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_for(
                lambda: _all_healthy_in(second) or attached.poll() is not None,
                600 * slack(),
                lambda: log.read_text(errors="replace")[-3000:],
            )
            assert attached.poll() is None, log.read_text(errors="replace")[-3000:]
        finally:
            if attached.poll() is None:
                os.killpg(attached.pid, signal.SIGINT)  # as a terminal does
            attached.wait(120 * slack())
    lines = log.read_text(errors="replace").replace(CLEAR_LINE, "").splitlines()
    assert [line for line in lines if re.match(r"scorer-1 +\| .*\[info *\] started ", line)]
    assert second.states() == []
    assert states() == dict.fromkeys(SERVICES, ("running", "healthy"))


def _all_healthy_in(project: Project) -> bool:
    return project.states() == [(service, "running", "healthy") for service in sorted(SERVICES)]


def test_a_port_that_is_taken_is_named(second: Project) -> None:
    """By the engine, so that docs/operations.md can say which variable to set."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            second.command("up", "--detach", "kafka"),
            cwd=ROOT,
            env=os.environ | second.env | {"KAFKA_PORT": port},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode != 0
    assert f"127.0.0.1:{port}" in done.stderr
