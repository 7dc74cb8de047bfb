"""The compose files fit the official images and every engine, as docs/decisions/0044-official-images.md says."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from services.common.settings import project_root

ROOT = project_root()
FILES = ("docker-compose.yml", "docker-compose.brokers.yml", "docker-compose.tools.yml")

Service = dict[str, Any]

DECLARED_VOLUMES = {
    "apache/kafka": {"/etc/kafka/secrets", "/var/lib/kafka/data", "/mnt/shared/config"},
    "postgres": {"/var/lib/postgresql"},
    "prom/prometheus": {"/prometheus"},
}
"""Image -> the volumes of its Dockerfile: one that nothing is mounted at stays behind, without a name, after a down."""

PROGRAMS = {
    "apache/kafka": {"/opt/kafka/bin/kafka-topics.sh", "bash"},  # Alpine with bash; its other tools are busybox's
    "postgres": {"psql", "cat"},
    "prom/prometheus": {"/bin/promtool"},
}
"""Image -> what its health checks may start."""


_Loader: Any = type("_Loader", (yaml.SafeLoader,), {})
"""Reads compose's own tags, which say how files are merged, as the values that they mark."""

for tag in ("!override", "!reset"):  # of lists alone, in these files
    _Loader.add_constructor(tag, lambda loader, node: loader.construct_sequence(node, deep=True))


def read(file: str) -> dict[str, Any]:
    """Return a compose file."""
    found: dict[str, Any] = yaml.load((ROOT / file).read_text(encoding="utf-8"), _Loader)  # noqa: S506  # safe
    return found


def services(file: str = FILES[0]) -> dict[str, Service]:
    """Return the services of a file by name."""
    found: dict[str, Service] = read(file)["services"]
    return found


def mounts(service: Service) -> Iterator[tuple[str, str, str]]:
    """Yield type, source and target of what is mounted; of a bind with a variable, the default source."""
    for volume in service.get("volumes", ()):
        if isinstance(volume, str):
            source, target, *_ = volume.split(":")
            yield ("bind" if source.startswith((".", "/")) else "volume"), source, target
        else:
            source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume.get("source", ""))
            yield volume["type"], source, volume["target"]


def repository(service: Service) -> str:
    """Return the image's name without its tag."""
    return str(service["image"]).rpartition(":")[0]


def is_official(service: Service) -> bool:
    """Return whether the image is not one of ours."""
    return "IMAGE_PREFIX" not in str(service["image"])


def test_every_image_has_a_tag_that_does_not_move() -> None:
    """What is tried is what others pull."""
    for name, service in services().items():
        assert re.search(r":\d[\w.]*$|:v\d[\w.]*$", service["image"]), name


def test_an_image_is_built_by_one_service_and_pulled_by_no_other() -> None:
    """Two builds of one tag at once fail on a fresh machine. Those that share it wait for the one that builds it."""
    found = services()
    builders = {service["image"]: name for name, service in found.items() if "build" in service}
    assert len(builders) == sum("build" in service for service in found.values())

    def waits_for(name: str) -> set[str]:
        direct = set(found[name].get("depends_on", ()))
        return direct.union(*map(waits_for, direct))

    for name, service in found.items():
        if is_official(service) or "build" in service:
            assert "pull_policy" not in service, name
            continue
        assert service["pull_policy"] == "never", name
        if "profiles" not in service:  # those are run by hand, beside what is up
            assert builders[service["image"]] in waits_for(name)


def test_a_service_gets_no_more_than_it_needs() -> None:
    """A read-only root, no capability, no new privileges, limits: every service, each by the one block they share."""
    for name, service in services().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["pids_limit"], name
        assert service["mem_limit"], name
        assert not {"cap_add", "privileged", "devices", "pid", "ipc"} & service.keys(), name


@pytest.mark.parametrize("file", FILES)
def test_what_is_bound_by_default_is_in_the_repository(file: str) -> None:
    """Docker Desktop shares neither /dev nor the rest of the machine, and a container changes nothing in a checkout."""
    for name, service in services(file).items():
        for kind, source, target in mounts(service):
            if kind == "bind":
                assert source.startswith("./"), (name, target)
                assert (ROOT / source).resolve().is_relative_to(ROOT)
                assert (ROOT / source).exists(), (name, source)
        for volume in service.get("volumes", ()):
            if isinstance(volume, dict) and volume["type"] == "bind":
                assert volume["read_only"] is True, name
            elif isinstance(volume, str) and volume.startswith("."):
                assert volume.endswith(":ro"), name
    assert (ROOT / "deploy/empty").read_bytes() == b""


@pytest.mark.parametrize("file", FILES)
def test_no_uid_of_an_image_is_assumed(file: str) -> None:
    """A folder gets its owner from the image, by a volume: Podman refuses uid= on a tmpfs, and uids differ by image."""
    for name, service in services(file).items():
        assert not [option for option in service.get("tmpfs", ()) if re.search(r"\b[ug]id=", option)], name
        assert not re.search(r"\d", str(service.get("user", ""))), name


def test_every_volume_of_an_official_image_has_a_mount() -> None:
    """Else each `docker compose down` leaves one without a name."""
    official = {name: service for name, service in services().items() if is_official(service)}
    assert {repository(service) for service in official.values()} == set(DECLARED_VOLUMES)
    for name, service in official.items():
        assert {target for _, _, target in mounts(service)} >= DECLARED_VOLUMES[repository(service)], name


def test_no_two_brokers_share_a_volume() -> None:
    """A broker that extends another also gets its volumes, unless it names its own at the same place."""
    one = {target: source for kind, source, target in mounts(services()["kafka"]) if kind == "volume"}
    brokers = {name: service for name, service in services(FILES[1]).items() if name.startswith("kafka")}
    assert len(brokers) == 3
    used: list[str] = []
    for service in brokers.values():
        own = {target: source for kind, source, target in mounts(service) if kind == "volume"}
        used += (one | own).values()
    assert len(set(used)) == len(used) == 3 * len(one)
    assert set(used) <= {*read(FILES[0])["volumes"], *read(FILES[1])["volumes"]}


def started_by(test: str | list[str]) -> set[str]:
    """Return the programs that a health check starts."""
    if isinstance(test, list):
        kind, *words = test
        assert kind == "CMD"
        return {words[0]}
    code = test.replace("$$", "$")
    subprocess.run(["sh", "-n", "-c", code], check=True, capture_output=True)
    inner = re.findall(r"\$\(([^()]*)\)", code)
    found, begins = set[str](), True
    for word in shlex.shlex(re.sub(r"\$\([^()]*\)", "", code), posix=True, punctuation_chars=True):
        if set(word) <= set("|&;"):
            begins = True
        elif begins and "=" not in word:
            found.add(word)
            begins = False
    return found.union(*map(started_by, inner))


def test_a_health_check_starts_what_its_image_has() -> None:
    """busybox in Kafka's and Prometheus' images, no curl in Python's; the shell's syntax is POSIX's."""
    for file in FILES:
        for name, service in services(file).items():
            test = service.get("healthcheck", {}).get("test")
            if test:
                image = repository(services()["kafka"] if name.startswith("kafka") else service)
                assert started_by(test), name
                assert started_by(test) <= PROGRAMS[image], name
    for dockerfile in ROOT.glob("[a-z]*/**/Dockerfile"):
        checks = re.findall(r"^HEALTHCHECK .*\\\n\s*CMD (.*)$", dockerfile.read_text(), re.MULTILINE)
        assert all(check.startswith('["python", "-c"') for check in checks), dockerfile


def test_what_a_health_check_starts_is_found_in_every_form() -> None:
    """A pipe, a substitution, a variable before the command."""
    assert started_by("A=\"$$(cat /x)\" psql -c 'select 1' | grep -P x && curl y") == {"cat", "psql", "grep", "curl"}
    assert started_by(["CMD", "bash", "-c", "x"]) == {"bash"}


def test_the_brokers_log_goes_to_standard_output_alone() -> None:
    """The image's own configuration also writes files by the hour, and nothing removes them: here, in memory."""
    logging = yaml.safe_load((ROOT / "deploy/kafka/log4j2.yaml").read_text())["Configuration"]
    assert set(logging["Appenders"]) == {"Console"}
    assert logging["Loggers"]["Root"]["AppenderRef"] == [{"ref": logging["Appenders"]["Console"]["name"]}]
    kafka = services()["kafka"]
    assert ("bind", "./deploy/kafka", "/mnt/shared/config") in set(mounts(kafka))
    assert "-loggc" not in kafka["environment"]["EXTRA_ARGS"]


def test_every_client_of_compose_logs_text_unless_told_otherwise() -> None:
    """`docker compose up` and `logs` are read by people; LOG_FORMAT=json is for what collects logs."""
    logging = {name for name, service in services().items() if "LOG_FORMAT" in service.get("environment", {})}
    assert logging == {"topics", "scorer", "sink", "dlq", "ui", "simulator"}
    for name in logging:
        environment = services()[name]["environment"]
        assert environment["LOG_FORMAT"] == "${LOG_FORMAT:-text}"
        assert environment["LOG_LEVEL"] == "${LOG_LEVEL:-INFO}"
