"""Whether the services say of themselves that they live and work. Knows nothing of how they do it."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from services.common.errors import Stop
from services.doctor.finding import Finding, fail, ok, warn
from services.scorer.manifest import read_manifest

TIMEOUT_SECONDS = 3.0
OK = 200
MODEL = re.compile(r'^fraud_scorer_model_info\{sha256="(?P<sha256>\w+)",version="(?P<version>[^"]+)"\} 1', re.MULTILINE)
FAILURES = re.compile(r"^fraud_scorer_model_failures_total (\S+)", re.MULTILINE)


def check_probe(name: str, url: str, paths: tuple[str, ...]) -> Iterator[Finding]:
    """Say whether a service answers its probes with 200, the first that does not."""
    for path in paths:
        status = _status(url + path)
        if status is None:
            yield fail(name, f"nothing answers at {url}", f"start it; why it ended: make logs SERVICE={name}")
            return
        if status != OK:
            yield fail(name, f"{url}{path} answers {status}", f"what it waits for: make logs SERVICE={name}")
            return
    yield ok(name, f"answers at {url}")


def check_model_in_use(url: str, folder: Path) -> Iterator[Finding]:
    """Say whether a scorer scores with the model of its folder; nothing if it does not answer."""
    text = _read(url + "/metrics")
    found = MODEL.search(text or "")
    if text is None or not found:
        return
    sha256, version = found["sha256"], found["version"]
    failures = sum(float(count) for count in FAILURES.findall(text))
    try:
        wanted = read_manifest(folder)
    except Stop:
        return  # what is wrong with the folder is told elsewhere
    if wanted.sha256 != sha256 or wanted.version != version:
        text = f"the scorer goes on with {version}: {wanted.version} failed, was refused or is about to be loaded"
        yield fail("model in use", text, "look for 'model failed' and 'model refused': make logs SERVICE=scorer")
    elif failures:
        text = f"{version} has failed {failures:.0f} times since the scorer began, and nothing is there to replace it"
        yield warn("model in use", text, "look for 'model failed': make logs SERVICE=scorer")
    else:
        yield ok("model in use", f"{version}, that of the folder")


def _status(url: str) -> int | None:
    try:
        with _opener().open(url, timeout=TIMEOUT_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def _read(url: str) -> str | None:
    try:
        with _opener().open(url, timeout=TIMEOUT_SECONDS) as answer:
            return str(answer.read().decode())
    except OSError:
        return None


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))  # what is asked is never beyond a proxy
