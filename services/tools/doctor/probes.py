"""Checks of the running services by their probes and metrics."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from services.common.errors import Stop
from services.common.manifest import read_manifest
from services.tools.doctor.finding import Finding, fail, ok, warn

TIMEOUT_SECONDS = 3.0
REJECTS = r'^fraud_{}_(reject_limit_broken|reject_share|rejects_in_a_row)(?:{{topic="(.*)"}})? (\S+)$'
OK = 200
MODEL = re.compile(r'^fraud_scorer_model_info\{sha256="(?P<sha256>\w+)",version="(?P<version>[^"]+)"\} 1', re.MULTILINE)
FAILURES = re.compile(r"^fraud_scorer_model_failures_total (\S+)", re.MULTILINE)


def check_probe(name: str, url: str, paths: tuple[str, ...]) -> Iterator[Finding]:
    """Check that a service answers its probes with 200; report the first that does not."""
    for path in paths:
        status = _get(url + path)[0]
        if status is None:
            yield fail(name, f"nothing answers at {url}", f"start it; make logs SERVICE={name} shows why it ended")
            return
        if status != OK:
            yield fail(name, f"{url}{path} answers {status}", f"make logs SERVICE={name} shows what it waits for")
            return
    yield ok(name, f"answers at {url}")


def check_rejects(name: str, url: str) -> Iterator[Finding]:
    """Check a service's share of rejects by its metrics; no finding if it does not answer."""
    values: dict[str, dict[str, float]] = {}
    for metric, topic, value in re.findall(REJECTS.format(name), _get(url + "/metrics")[1], re.MULTILINE):
        values.setdefault(topic, {})[metric] = float(value)
    alarms = {topic: found for topic, found in values.items() if found.get("reject_limit_broken")}
    for topic, found in alarms.items():
        of_topic = f" of {topic}" if topic else ""
        text = (
            f"{found['reject_share']:.1%} of the latest messages{of_topic}, {found['rejects_in_a_row']:,.0f} in a row"
        )
        fix = "make dlq ARGS=inspect shows those of the scorer; docs/operations.md, 'Dead letters', those of the sink"
        yield warn("rejects", f"{name} rejects {text}", fix)
    if values and not alarms:
        most = max(found.get("reject_share", 0.0) for found in values.values())
        yield ok("rejects", f"{name} rejects {most:.1%} of the latest messages")


def check_model_in_use(url: str, folder: Path) -> Iterator[Finding]:
    """Check that the scorer uses the model of its folder; no finding if it does not answer."""
    text = _get(url + "/metrics")[1]
    found = MODEL.search(text)
    if not found:
        return
    sha256, version = found["sha256"], found["version"]
    failures = sum(float(count) for count in FAILURES.findall(text))
    try:
        wanted = read_manifest(folder)
    except Stop:
        return  # reported by check_model()
    if wanted.sha256 != sha256 or wanted.version != version:
        text = f"the scorer uses {version}: {wanted.version} failed, was refused or is about to be loaded"
        yield fail("model in use", text, "look for 'model_failed' and 'model_refused': make logs SERVICE=scorer")
    elif failures:
        text = f"{version} has failed {failures:.0f} times since the scorer started, and there is no other model"
        yield warn("model in use", text, "look for 'model_failed': make logs SERVICE=scorer")
    else:
        yield ok("model in use", f"{version}, as in the folder")


def _get(url: str) -> tuple[int | None, str]:
    """Return status and body of the answer; (None, "") if there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the services are never behind a proxy
    try:
        with opener.open(url, timeout=TIMEOUT_SECONDS) as answer:
            return int(answer.status), answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return None, ""
