"""Processes of one service, kept running as an orchestrator would: what ends is started again, and that is all."""

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from stack.ports import free_port
from tests.faults import failpoints
from tests.faults.slack import slack
from tests.support.processes import ServiceProcess, wait_for

RESTART_SECONDS = 0.2
"""Docker waits 0.1 s before its first restart and doubles that."""

ROUTINE = ('"event": "batches_scored"', '"event": "batches_stored"')
MOST_TOLD = 6_000

Lives = Sequence[Mapping[str, str]]
"""The environment of a member's first life, of its second one, and so on; the last one stays."""


@dataclass(frozen=True)
class Footprint:
    """What a process takes: threads, and resident memory in bytes."""

    threads: int
    rss: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the footprint of a living process, from proc_pid_status(5)."""
        lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines())
        values = {words[0].rstrip(":"): words[1] for words in lines if len(words) > 1}
        return cls(int(values["Threads"]), int(values["VmRSS"]) * 1024)


@dataclass
class Member:
    """One place in a crew: a process after another."""

    number: int
    lives: Lives
    log: Path
    port: int
    service: ServiceProcess
    births: int = 1
    ended_at: float | None = None
    exits: list[int] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self.service.process.pid

    @property
    def is_stopped(self) -> bool:
        """Whether its process is frozen by SIGSTOP."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"
        return False


class Crew:
    """The processes of a service."""

    def __init__(self, name: str, env: Mapping[str, str], folder: Path, seed: str) -> None:
        self.name = name
        self.members: list[Member] = []
        self.gone: list[Member] = []
        self._env = env
        self._folder = folder
        self._seed = seed
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name=f"keeper of {name}", daemon=True)

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.set()
        self._keeper.join()
        for member in self.members + self.gone:
            if member.service.process.poll() is None:
                member.service.kill()

    def hire(self, *lives: Mapping[str, str]) -> Member:
        """Start one more process; `lives` are additions to its environment, life by life."""
        with self._lock:
            number = len(self.members) + len(self.gone)
            log, port = self._folder / f"{self.name}-{number}.log", free_port()
            member = Member(number, lives or ({},), log, port, self._start(number, lives or ({},), log, port, 0))
            self.members.append(member)
        return member

    def wait_ready(self, seconds: float = 60) -> None:
        """Wait until every process is ready."""
        for member in list(self.members):
            wait_for(lambda one=member: one.service.ready(), seconds * slack(), member.service.text)

    def kill(self, member: Member) -> float:
        """SIGKILL a member's process; return when (monotonic)."""
        os.kill(member.pid, signal.SIGKILL)
        return time.monotonic()

    def dismiss(self, *members: Member, seconds: float = 10) -> list[int]:
        """SIGTERM these members' processes and do not start them again; return their exit codes."""
        with self._lock:
            for member in members:
                self.members.remove(member)
                self.gone.append(member)
                if member.service.process.poll() is None:
                    member.service.process.send_signal(signal.SIGTERM)
        for member in members:
            member.exits.append(member.service.finish(seconds * slack()))
        return [member.exits[-1] for member in members]

    def thaw(self, member: Member) -> float:
        """SIGCONT a member's frozen process; return when (monotonic)."""
        os.kill(member.pid, signal.SIGCONT)
        return time.monotonic()

    @property
    def exits(self) -> Counter[int]:
        """Exit code -> how often a process of this crew ended with it, those that were dismissed included."""
        return Counter(code for member in self.members + self.gone for code in member.exits)

    @property
    def text(self) -> str:
        """What all of them printed."""
        return "".join(member.service.text() for member in self.members + self.gone)

    @property
    def recreations(self) -> list[str]:
        """The log lines that say that clients were recreated, and why."""
        return [line for line in self.text.splitlines() if "clients_recreated" in line]

    def explain(self) -> str:
        """Return the end of what each of them printed, routine left out, and where each thread of each is just now."""
        for member in self.members:
            with contextlib.suppress(OSError):
                os.kill(member.pid, signal.SIGUSR1)
        time.sleep(0.5)
        return "".join(
            f"\n{self.name} {member.number}, exits {member.exits}:\n{_told(member)}" for member in self.members
        )

    def footprints(self) -> dict[int, Footprint]:
        """Return number of member -> footprint of its process, of those that are ready."""
        found = {}
        for member in list(self.members):
            with contextlib.suppress(OSError, KeyError):
                footprint = Footprint.of(member.pid)
                if member.service.ready():
                    found[member.number] = footprint
        return found

    def _start(self, number: int, lives: Lives, log: Path, port: int, birth: int) -> ServiceProcess:
        own = {
            f"{self.name.upper()}_PROBE_PORT": str(port),
            failpoints.SEED: f"{self._seed}/{self.name}/{number}/{birth}",
        }
        env = {**self._env, **own, **lives[min(birth, len(lives) - 1)]}
        return ServiceProcess.start("tests.faults.service", env, log, port, self.name)

    def _keep(self) -> None:
        while not self._ending.wait(0.05):
            with self._lock:
                for member in self.members:
                    self._look_after(member)

    def _look_after(self, member: Member) -> None:
        code = member.service.process.poll()
        if code is None:
            return
        if member.ended_at is None:
            member.ended_at = time.monotonic()
            member.exits.append(code)
        elif time.monotonic() - member.ended_at >= RESTART_SECONDS:
            member.service = self._start(member.number, member.lives, member.log, member.port, member.births)
            member.births, member.ended_at = member.births + 1, None


def _told(member: Member) -> str:
    lines = member.service.text().splitlines()
    return "\n".join(line for line in lines if not any(routine in line for routine in ROUTINE))[-MOST_TOLD:]
