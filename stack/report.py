"""The supervisor's report on the stack: a small JSON file."""

import json
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from stack.processes import ProcessId
from stack.service import Kind, State


class Phase(StrEnum):
    """The state of the stack as a whole."""

    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    KILLED = "killed"


@dataclass(frozen=True)
class Entry:
    """One service, as last seen by its supervisor. `since` is the time of its state, in seconds of the Unix epoch."""

    name: str
    kind: Kind
    state: State
    since: float
    took_seconds: float
    restarts: int
    address: str
    stop_signal: int
    process: ProcessId | None


@dataclass(frozen=True)
class Report:
    """The stack, as last seen by its supervisor.

    `ports` are those it was started with (variable -> port), `culprit` is a service that does not start.
    """

    phase: Phase
    supervisor: ProcessId
    entries: tuple[Entry, ...]
    ports: Mapping[str, int] = field(default_factory=dict)
    culprit: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether the supervisor that wrote this still lives."""
        return self.supervisor.is_alive

    @property
    def actual_phase(self) -> Phase:
        """The phase; KILLED if the supervisor ended without a report."""
        ended = self.phase in {Phase.STOPPED, Phase.FAILED}
        return self.phase if ended or self.is_running else Phase.KILLED

    def clear_leftovers(self, within_seconds: float = 10.0) -> None:
        """End what a killed supervisor left running. On Linux the kernel has already asked these processes to end."""
        for entry in reversed(self.entries):
            if entry.process:
                entry.process.end(signal.Signals(entry.stop_signal), within_seconds)


def report_path(home: Path) -> Path:
    """Return the path of a stack's report."""
    return home / "state.json"


def write_report(home: Path, report: Report) -> None:
    """Replace the report as a whole: a reader sees the old or the new one."""
    draft = report_path(home).with_suffix(".new")
    draft.write_text(json.dumps(asdict(report), indent=1), encoding="utf-8")
    draft.replace(report_path(home))


def read_report(home: Path) -> Report | None:
    """Return the last report, None if there is none, or none of this version."""
    try:
        content: dict[str, Any] = json.loads(report_path(home).read_text(encoding="utf-8"))
        return Report(
            phase=Phase(content["phase"]),
            supervisor=ProcessId(**content["supervisor"]),
            entries=tuple(_entry(entry) for entry in content["entries"]),
            ports=content["ports"],
            culprit=content["culprit"],
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _entry(content: dict[str, Any]) -> Entry:
    process = ProcessId(**content["process"]) if content["process"] else None
    return Entry(**content | {"kind": Kind(content["kind"]), "state": State(content["state"]), "process": process})
