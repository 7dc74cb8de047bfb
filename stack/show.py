"""Prints the state and the logs of a stack. Changes nothing."""

import sys
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from services.common.errors import Stop
from services.common.logs import as_text, wants_text
from services.tools.doctor.finding import fail, warn
from stack.ports import free_port, is_taken
from stack.report import Entry, Phase, Report
from stack.service import Kind, State
from stack.settings import StackSettings

TAIL_LINES = 40
FOLLOW_SECONDS = 0.3


def status_table(report: Report, now: float) -> str:
    """Return the services with their state, pid, uptime, restarts and address; `now` in seconds of the Unix epoch."""
    lines = [f"{'service':<10} {'state':<11} {'pid':>8} {'uptime':>9} {'restarts':>8}  address"]
    for entry in report.entries:
        alive = entry.process is not None and entry.process.is_alive
        pid = str(entry.process.pid) if entry.process and alive else "-"
        uptime = str(timedelta(seconds=int(now - entry.since))) if alive else "-"
        state = entry.state if alive or entry.process is None else "killed"
        lines.append(f"{entry.name:<10} {state:<11} {pid:>8} {uptime:>9} {entry.restarts:>8}  {entry.address}".rstrip())
    supervisor = f"supervisor {report.supervisor.pid}" if report.is_running else "no supervisor"
    note = " (the supervisor was killed; `make up` starts it again)" if report.actual_phase is Phase.KILLED else ""
    if report.culprit and report.is_running:
        note = f" ({report.culprit} does not start: make logs SERVICE={report.culprit}, make doctor)"
    return "\n".join([*lines, f"{report.actual_phase}, {supervisor}{note}"])


def progress_line(entry: Entry) -> str:
    """Return one line on a service that has just changed its state."""
    took = f"{entry.took_seconds:6.1f} s" if entry.state in {State.READY, State.DONE} else " " * 8
    address = entry.address if entry.kind is Kind.SERVICE else ""
    return f"  {entry.name:<10} {entry.state:<11} {took}  {address}".rstrip()


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a log, empty if there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def print_logs(folder: Path, service: str | None, follow: bool) -> None:
    """Print the last lines of one log or of all; with `follow`, also new ones until interrupted.

    Raises:
        Stop: there is no such log.
    """
    logs = sorted(folder.glob(f"{service or '*'}.log"))
    if not logs:
        known = ", ".join(sorted(log.stem for log in folder.glob("*.log"))) or "none yet"
        raise Stop(f"no log {f'of {service} ' if service else ''}in {folder}; there are: {known}")
    for log in logs:
        _print_lines(log, tail(log).splitlines(), named=len(logs) > 1)
    if follow:
        _follow(logs)


def print_ports(settings: StackSettings) -> None:
    """Print the doctor's findings on the ports of a stack that does not run."""
    taken = {variable: port for variable, port in settings.ports().items() if is_taken(port)}
    for variable, port in taken.items():
        fix = f"stop what listens there, or set {variable} to a free port, e.g. {free_port()}"
        print(fail("ports", f"the stack does not run, and port {port} is in use", fix))
    if not taken:
        free = ", ".join(map(str, settings.ports().values()))
        print(warn("ports", f"the stack does not run; its ports are free: {free}", "make up"))
    sys.stdout.flush()


def _follow(logs: list[Path]) -> None:
    ends = {log: log.stat().st_size for log in logs}
    while True:
        for log in logs:
            size = log.stat().st_size if log.exists() else 0
            if size < ends[log]:
                ends[log] = 0  # rotated at a start
            if size > ends[log]:
                with log.open("rb") as file:
                    file.seek(ends[log])
                    added = file.read()
                complete = added[: added.rfind(b"\n") + 1]
                ends[log] += len(complete)
                _print_lines(log, complete.decode(errors="replace").splitlines(), named=len(logs) > 1)
        time.sleep(FOLLOW_SECONDS)


def _print_lines(log: Path, lines: Iterable[str], named: bool) -> None:
    text = wants_text()
    for line in lines:
        shown = as_text(line) if text else line
        print(f"{log.stem:<10} | {shown}" if named else shown)
    sys.stdout.flush()
