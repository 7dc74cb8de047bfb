"""Starts and stops the stack from a terminal, by the supervisor's report."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from services.common.errors import Stop
from services.common.settings import project_root
from stack.disk import check_disk
from stack.plan import page_address, prepare
from stack.ports import check_ports
from stack.report import Phase, Report, read_report, report_path
from stack.sample import send_sample
from stack.service import Kind, State
from stack.settings import StackSettings
from stack.show import progress_line, tail
from stack.supervisor import log_path

UP_WITHIN_SECONDS = 300.0
DOWN_WITHIN_SECONDS = 90.0
SERVICE_DOWN_WITHIN_SECONDS = 20.0
SERVICE_UP_WITHIN_SECONDS = 60.0
STILL_THERE = """
The other services keep running, for make doctor, make logs, make psql, make topics and make dlq.
A service is started again every few seconds; `make up` restarts everything, `make down` stops it."""
NEEDED_BYTES = 1_000_000_000
"""Jars, empty servers, the sample and some room to work."""
SHOWN_STATES = {State.READY, State.DONE, State.RESTARTING, State.FAILED}
DATA = ("kafka", "postgres", "state", "uploads", "scorer", "logs", "passwords", "state.json")


def up(settings: StackSettings, since: float, with_sample: bool = True) -> None:
    """Start everything, wait until it is ready, send the sample, print the addresses.

    Times are told from `since` on, in seconds of the Unix epoch.

    Raises:
        Stop: something failed. If Kafka and PostgreSQL run they go on, and all else that runs; otherwise what was
            started is stopped again.
        KeyboardInterrupt: what was started is stopped again.
    """
    report = read_report(settings.home)
    if report and report.is_running and report.actual_phase is Phase.UP:
        print(f"already up: {page_address(settings)}  (make status, make logs, make down)")
        return
    if report and report.is_running and report.culprit:
        print(f"{report.culprit} does not start: restarting everything")
        down(settings)
        report = None
    supervisor = None if report and report.is_running else _start(settings)
    try:
        _wait_until_up(settings, supervisor)
        print(f"everything is up after {time.time() - since:.0f} s", flush=True)
        if with_sample:
            send_sample(settings, since)
    except BaseException as error:
        if isinstance(error, Stop) and _goes_on(settings.home):
            raise Stop(f"{error}\n{STILL_THERE}") from error
        print("stopping what was started", file=sys.stderr)
        if supervisor and supervisor.poll() is None:
            supervisor.terminate()
            supervisor.wait(DOWN_WITHIN_SECONDS)
        down(settings)
        raise
    _say_where(settings)


def _goes_on(home: Path) -> bool:
    """Return whether there is a running supervisor."""
    report = read_report(home)
    return bool(report and report.is_running and report.phase in {Phase.STARTING, Phase.UP})


def down(settings: StackSettings, volumes: bool = False) -> None:
    """Stop everything; with `volumes`, remove data, logs and passwords too. The fetched jars stay."""
    report = read_report(settings.home)
    if report:
        if report.is_running:
            report.supervisor.end(signal.SIGTERM, DOWN_WITHIN_SECONDS)
        (read_report(settings.home) or report).clear_leftovers()
    if volumes:
        for name in DATA:
            path = settings.home / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def restart(settings: StackSettings, name: str) -> None:
    """End a service of the running stack, wait until its supervisor has started it again and it is ready.

    Raises:
        Stop: nothing runs, there is no such service, or it does not get ready.
    """
    report = read_report(settings.home)
    if not report or not report.is_running:
        raise Stop("nothing runs: make up")
    processes = {entry.name: entry.process for entry in report.entries if entry.kind is Kind.SERVICE}
    if name not in processes:
        raise Stop(f"no such service: {name}; there are: {', '.join(processes)}")
    if before := processes[name]:  # else it has ended, and its supervisor starts it again
        before.end(signal.SIGTERM, SERVICE_DOWN_WITHIN_SECONDS)
    deadline = time.monotonic() + SERVICE_UP_WITHIN_SECONDS
    while time.monotonic() < deadline:
        report = read_report(settings.home)
        entry = next((entry for entry in report.entries if entry.name == name), None) if report else None
        if entry and entry.state is State.READY and entry.process != before:
            print(progress_line(entry))
            return
        time.sleep(0.1)
    raise Stop(f"{name} is not ready; the end of its log:\n{tail(log_path(settings.home, name))}")


def supervisor_log(home: Path) -> Path:
    """Return the path of the supervisor's own log."""
    return log_path(home, "supervisor")


def make_way(settings: StackSettings, ports: Mapping[str, int]) -> None:
    """Clear what a killed supervisor left, check the ports (variable -> port), and make what the services need.

    Raises:
        Stop: a port is in use, the disk is full, or something cannot be fetched or made.
    """
    if previous := read_report(settings.home):
        previous.clear_leftovers()
    report_path(settings.home).unlink(missing_ok=True)
    check_ports(ports)
    check_disk(settings.home, NEEDED_BYTES)
    prepare(settings)


def _start(settings: StackSettings) -> subprocess.Popen[bytes]:
    """Start the supervisor as a process of its own, which outlives this one."""
    make_way(settings, settings.ports())
    log = supervisor_log(settings.home)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "stack", "supervise"],
            env=os.environ | {"STACK_HOME": str(settings.home)},
            cwd=project_root(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until_up(settings: StackSettings, supervisor: subprocess.Popen[bytes] | None) -> None:
    """Print each service's progress until all are ready.

    Raises:
        Stop: a service failed (with the end of its log), the supervisor ended, or it takes too long.
    """
    home, seen = settings.home, dict[str, tuple[State, int]]()
    deadline = time.monotonic() + UP_WITHIN_SECONDS
    while True:
        ended = supervisor is not None and supervisor.poll() is not None
        report = read_report(home)
        if report:
            _print_progress(report, seen)
            if report.phase is Phase.UP:
                return
            if report.culprit:
                raise Stop(f"{report.culprit} failed; the end of its log:\n{tail(log_path(home, report.culprit))}")
        if ended or (report and not report.is_running):
            raise Stop(f"the supervisor ended; the end of its log:\n{tail(supervisor_log(home))}")
        if time.monotonic() > deadline:
            raise Stop(f"not up after {UP_WITHIN_SECONDS:.0f} s; see {supervisor_log(home)}")
        time.sleep(0.1)


def _print_progress(report: Report, seen: dict[str, tuple[State, int]]) -> None:
    for entry in report.entries:
        if seen.get(entry.name) != (entry.state, entry.restarts):
            seen[entry.name] = (entry.state, entry.restarts)
            if entry.state in SHOWN_STATES:
                print(progress_line(entry), flush=True)


def _say_where(settings: StackSettings) -> None:
    print(f"\npage      {page_address(settings)}")
    print("database  make psql ARGS='-c \"select * from scored_transactions order by arrival desc limit 10\"'")
    print("send      make send FILE=transactions.csv")
    print("more      make status   make logs   make down")
