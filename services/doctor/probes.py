"""Whether the services say of themselves that they live and work. Knows nothing of how they do it."""

import urllib.error
import urllib.request
from collections.abc import Iterator

from services.doctor.finding import Finding, fail, ok

TIMEOUT_SECONDS = 3.0
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


def _status(url: str) -> int | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # what is asked is never beyond a proxy
    try:
        with opener.open(url, timeout=TIMEOUT_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
