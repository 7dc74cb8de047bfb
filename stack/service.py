"""A supervised process: plain data."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """A service runs until it is stopped; a job ends by itself, with exit code 0 if it did its work."""

    SERVICE = "service"
    JOB = "job"


class State(StrEnum):
    """The state of a service."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DONE = "done"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Service:
    """A process to keep running, or a job to run once.

    Attributes:
        name: also the name of its log file.
        argv: program and arguments.
        env: its whole environment.
        cwd: the folder it runs in; that of the project by default.
        needs: names of what must be ready, or done, before it starts.
        ready: polled until it returns True; must return within about a second.
        address: where a person or a client finds it.
        stop_signal: asks it to finish its work and end.
        death_signal: sent by the kernel if the supervisor is killed.
        ready_within_seconds: after a start; a job must be done within this time.
        stop_within_seconds: after stop_signal; then it is killed.
        vital: whether everything is stopped if it does not start. Any other service is started again while the rest
            runs, so that the tools to fix it are available.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    needs: tuple[str, ...] = ()
    kind: Kind = Kind.SERVICE
    ready: Callable[[], bool] = lambda: True
    address: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    ready_within_seconds: float = 120.0
    stop_within_seconds: float = 15.0
    cwd: Path | None = None
    vital: bool = False
