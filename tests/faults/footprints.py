"""What processes take at the end of a case, beside what they took before its first fault."""

import contextlib
from collections.abc import Callable

from tests.faults.crew import Crew, Footprint
from tests.faults.invariant import Findings
from tests.support.processes import wait_for

GIVEN_BACK_SECONDS = 20.0

MORE_THREADS, MORE_RSS = 12, 48 * 2**20
"""What a process may have gained at the end of a case over what it took under load before the first fault.

A Kafka client has about five threads; the two that look for the lag begin a second later than the rest. What is free
goes back to the system every 10 s, so that much is waited for. On a machine
with other work to do (slack) transactions wait, and what a sink has read ahead of them takes up to 140 MiB.
"""


class Footprints:
    """Knows what one of each crew took at first."""

    def __init__(self) -> None:
        self._at_first: dict[str, Footprint] = {}

    def note(self, crew: Crew, within: float, explain: Callable[[], str]) -> None:
        """Note what a process takes under load, the first time that one of a crew is ready."""
        if crew.name not in self._at_first and crew.members:
            found: dict[int, Footprint] = {}
            wait_for(lambda: found.update(crew.footprints()) or found, within, explain)
            self._at_first[crew.name] = Footprint(
                max(f.threads for f in found.values()), max(f.rss for f in found.values())
            )

    def check(self, crew: Crew, findings: Findings, more: float) -> None:
        """Note which processes have grown, `more` times as much as they may on a quiet machine."""
        at_first = self._at_first.get(crew.name)
        if at_first is None:
            return
        most = Footprint(at_first.threads + MORE_THREADS, at_first.rss + int(MORE_RSS * more))
        with contextlib.suppress(AssertionError):
            wait_for(lambda: all(f.rss <= most.rss for f in crew.footprints().values()), GIVEN_BACK_SECONDS)
        for number, footprint in crew.footprints().items():
            told = f"{crew.name} {number}: {footprint}, at first {at_first}"
            if footprint.threads > most.threads:
                findings.note("process with more threads", [told])
            if footprint.rss > most.rss:
                findings.note("process that has grown", [told])
