"""Whether the services say of themselves that they live and work. Knows nothing of how they do it."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator

from services.doctor.finding import Finding, fail, ok, warn

TIMEOUT_SECONDS = 3.0
REJECTS = r'^fraud_{}_(reject_limit_broken|reject_share|rejects_in_a_row)(?:{{topic="(.*)"}})? (\S+)$'
OK = 200


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


def check_rejects(name: str, url: str) -> Iterator[Finding]:
    """Say how much a service rejects of what it reads, by its metrics; nothing if it does not answer."""
    values: dict[str, dict[str, float]] = {}
    for metric, topic, value in re.findall(REJECTS.format(name), _get(url + "/metrics")[1], re.MULTILINE):
        values.setdefault(topic, {})[metric] = float(value)
    alarms = {topic: found for topic, found in values.items() if found.get("reject_limit_broken")}
    for topic, found in alarms.items():
        of_topic = f" of {topic}" if topic else ""
        text = (
            f"{found['reject_share']:.1%} of the latest messages{of_topic}, {found['rejects_in_a_row']:,.0f} in a row"
        )
        cure = "what is wrong with them, and since when: make dlq ARGS=inspect (for the sink with --of sink)"
        yield warn("rejects", f"{name} rejects {text}", cure)
    if values and not alarms:
        most = max(found.get("reject_share", 0.0) for found in values.values())
        yield ok("rejects", f"{name} rejects {most:.1%} of the latest messages")


def _status(url: str) -> int | None:
    return _get(url)[0]


def _get(url: str) -> tuple[int | None, str]:
    """Return status and body of an answer; None without one."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # what is asked is never beyond a proxy
    try:
        with opener.open(url, timeout=TIMEOUT_SECONDS) as answer:
            return int(answer.status), answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return None, ""
