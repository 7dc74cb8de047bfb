"""Places in a service at which it does harm to itself. Lives in the tests: the services know nothing of it.

A specification names places and what happens there: `offsets_sent=kill@5-30,produced=sleep@0-400`.

    kill@5-30   SIGKILL itself when the place is reached for the nth time, n drawn from 5 to 30
    stop@5-30   SIGSTOP itself, the same way, once; somebody else sends SIGCONT
    sleep@0-400 wait at every passing, milliseconds drawn from 0 to 400
"""

import os
import random
import signal
import threading
import time
from dataclasses import dataclass

from tests.faults.slack import slack

SPECIFICATION, SEED = "FAULTS_POINTS", "FAULTS_SEED_OF_PROCESS"
"""Names of the variables in the environment of a process."""

UNDER_WAY_SECONDS = 0.1
"""Time for what was handed to a client library to leave the process before it is killed."""


@dataclass
class Failpoint:
    """What happens at one place."""

    action: str
    low: int
    high: int
    reached: int = 0
    due: int = 0


class Failpoints:
    """The failpoints of a process."""

    def __init__(self, specification: str, seed: str) -> None:
        self._random = random.Random(seed)
        self._points: dict[str, list[Failpoint]] = {}
        for part in filter(None, specification.split(",")):
            place, _, what = part.partition("=")
            action, _, bounds = what.partition("@")
            low, _, high = bounds.partition("-")
            point = Failpoint(action, int(low), int(high or low))
            point.due = self._random.randint(point.low, point.high)
            self._points.setdefault(place, []).append(point)

    @classmethod
    def of_process(cls) -> "Failpoints":
        """Return the failpoints of this process's environment."""
        return cls(os.environ.get(SPECIFICATION, ""), os.environ.get(SEED, ""))

    def reach(self, place: str) -> None:
        """Do what is to be done at a place."""
        for point in self._points.get(place, ()):
            point.reached += 1
            if point.action == "sleep":
                time.sleep(self._random.uniform(point.low, point.high) / 1000)
            elif point.reached == point.due:
                time.sleep(UNDER_WAY_SECONDS * slack())
                # To this thread, not to the process: another one would take the signal when it is scheduled, and this
                # one would go on until then, into the commit.
                signal.pthread_kill(
                    threading.get_ident(), {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}[point.action]
                )
