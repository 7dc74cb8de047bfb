"""Compose's profile `monitoring` on a real engine: Prometheus scrapes the services, its own tool tests the rules."""

import json
import os
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from stack.ports import free_port
from tests.readme.commands import ROOT
from tests.support.processes import wait_for

pytestmark = pytest.mark.timeout(900)  # images are built and libraries fetched in a fixture

PORTS = ("KAFKA_PORT", "POSTGRES_PORT", "UI_PORT", "PROMETHEUS_PORT")


def docker(*arguments: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        ["docker", *arguments], cwd=ROOT, env=os.environ | (env or {}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def prometheus() -> Iterator[str]:
    """The address of Prometheus in a project of its own, on free ports."""
    env = {port: str(free_port()) for port in PORTS} | {"COMPOSE_PROJECT_NAME": "fraud-monitoring-test"}
    compose = ("compose", "--profile", "monitoring")
    try:
        docker(*compose, "up", "--build", "--wait", env=env)
        yield f"http://127.0.0.1:{env['PROMETHEUS_PORT']}"
    finally:
        docker(*compose, "down", "--volumes", "--remove-orphans", env=env)


def ask(address: str, path: str, **query: str) -> Any:
    url = f"{address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # our own, http
        return json.load(answer)["data"]


def test_the_rules_fire_when_they_should_and_only_then() -> None:
    """By promtool, in the image that will read them."""
    [image] = re.findall(r"image: (prom/prometheus:\S+)", (ROOT / "docker-compose.yml").read_text())
    mount = f"{ROOT / 'monitoring'}:/monitoring:ro"
    promtool = ("run", "--rm", "-v", mount, "--entrypoint", "/bin/promtool", image)

    assert "SUCCESS" in docker(*promtool, "check", "rules", "/monitoring/rules/fraud.yml")
    assert "SUCCESS" in docker(*promtool, "test", "rules", "/monitoring/tests/fraud.yml")
    assert "SUCCESS" in docker(*promtool, "check", "config", "--syntax-only", "/monitoring/prometheus.yml")


def test_every_service_is_scraped_and_its_metrics_have_values(prometheus: str) -> None:
    """Targets up, metrics of each service there, rules loaded, nothing of the page's own port needed."""

    def up() -> dict[str, str]:
        return {target["labels"]["job"]: target["health"] for target in ask(prometheus, "targets")["activeTargets"]}

    wait_for(lambda: up() == dict.fromkeys(("scorer", "sink", "ui"), "up"), 90, lambda: str(up()))

    def value(query: str) -> float | None:
        result = ask(prometheus, "query", query=query)["result"]
        return float(result[0]["value"][1]) if result else None

    for query in ("sum(fraud_scorer_ready)", "sum(fraud_sink_ready)", "fraud_ui_database_up", "fraud_ui_kafka_up"):
        wait_for(lambda query=query: value(query) == 1, 60, lambda query=query: f"{query}: {value(query)}")
    wait_for(lambda: value("fraud:scorer_lag:sum") == 0, 60, lambda: str(value("fraud:scorer_lag:sum")))
    groups = ask(prometheus, "rules")["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
    assert sum(len(group["rules"]) for group in groups) > 20
