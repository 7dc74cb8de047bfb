"""Starts processes in the order of their needs, restarts those that exit, stops them in reverse.

Knows nothing of what the processes do: a plan is a list of services.
"""

import fcntl
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from services.common.errors import Stop
from services.common.logs import get_logger
from services.common.settings import project_root
from stack.processes import ON_LINUX, ProcessId, spawn, stop, this_process
from stack.report import Entry, Phase, Report, write_report
from stack.service import Kind, Service, State

TICK_SECONDS = 0.1
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.2, 5.0
STABLE_SECONDS = 10.0
"""After being ready this long a service starts again with the first backoff."""
ATTEMPTS = 4
"""After this many exits without ever being ready a service is in trouble."""


def log_path(home: Path, name: str) -> Path:
    """Return the path of a service's output."""
    return home / "logs" / f"{name}.log"


class Supervised:
    """A service of the plan and its state.

    A job that fails is FAILED, and so is a vital service that never gets ready; any other one is started again.

    Attributes:
        in_trouble: whether it is FAILED, or has never got ready so far.
    """

    def __init__(self, service: Service, log: Path) -> None:
        self.service = service
        self.state = State.WAITING
        self.since = time.time()
        self.took_seconds = 0.0
        self.restarts = 0
        self.in_trouble = False
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: ProcessId | None = None
        self._was_ready = False
        self._exits_in_a_row = 0
        self._entered = time.monotonic()

    def advance(self, satisfied: set[str]) -> None:
        """Take the next step, if there is one to take. `satisfied` are the names that are ready or done."""
        in_state = time.monotonic() - self._entered
        if self.state is State.WAITING and satisfied.issuperset(self.service.needs):
            self._start()
        elif self.state is State.RESTARTING and in_state >= self._backoff_seconds():
            self.restarts += 1
            self._start()
        elif self.state is State.STARTING:
            self._look_at_start(in_state)
        elif self.state is State.READY:
            if in_state >= STABLE_SECONDS:
                self._exits_in_a_row = 0
            if self._exit_code() is not None:
                self._note_exit()

    def stop(self) -> None:
        """End the process, if there is one, within the time that its service allows."""
        if self._process:
            stop(self._process, self.service.stop_signal, self.service.stop_within_seconds)
            self._process = self._identity = None
        if self.state not in {State.FAILED, State.DONE}:
            self._enter(State.STOPPED)

    def entry(self) -> Entry:
        """Return what the report says of it."""
        service = self.service
        return Entry(
            service.name, service.kind, self.state, self.since, self.took_seconds, self.restarts,
            service.address, int(service.stop_signal), self._identity,
        )  # fmt: skip

    def _start(self) -> None:
        service = self.service
        self._process = spawn(
            service.argv, env=service.env, log=self._log, death_signal=service.death_signal, cwd=service.cwd
        )
        self._identity = ProcessId.of(self._process.pid)
        self._enter(State.STARTING)

    def _look_at_start(self, in_state: float) -> None:
        code = self._exit_code()
        if self.service.kind is Kind.JOB and code is not None:
            self._forget_process()
            self.in_trouble = code != 0
            self._enter(State.FAILED if self.in_trouble else State.DONE, took_seconds=in_state)
        elif code is not None:
            self._note_exit()
        elif self.service.kind is Kind.SERVICE and self.service.ready():
            self._was_ready, self.in_trouble = True, False
            self._enter(State.READY, took_seconds=time.monotonic() - self._entered)
        elif in_state > self.service.ready_within_seconds:
            self.stop()
            self._try_again(in_vain=not self._was_ready)

    def _note_exit(self) -> None:
        self._forget_process()
        self._exits_in_a_row += 1
        self._try_again(in_vain=not self._was_ready and self._exits_in_a_row >= ATTEMPTS)

    def _try_again(self, *, in_vain: bool) -> None:
        self.in_trouble = self.in_trouble or in_vain
        final = self.service.vital or self.service.kind is Kind.JOB
        self._enter(State.FAILED if in_vain and final else State.RESTARTING)

    def _forget_process(self) -> None:
        """Reap a process that has ended, and kill what it left behind."""
        if self._process:
            stop(self._process, signal.SIGKILL, 0)
        self._process = self._identity = None

    def _exit_code(self) -> int | None:
        return self._process.poll() if self._process else None

    def _backoff_seconds(self) -> float:
        doublings = max(0, self._exits_in_a_row - 1)
        return min(FIRST_BACKOFF_SECONDS * 2.0 ** min(doublings, 10), LONGEST_BACKOFF_SECONDS)

    def _enter(self, state: State, took_seconds: float = 0.0) -> None:
        get_logger().info("state", name=self.service.name, state=state, exits_in_a_row=self._exits_in_a_row)
        self.state, self.since, self._entered = state, time.time(), time.monotonic()
        self.took_seconds = round(took_seconds, 2)


class Supervisor:
    """Runs a plan. Only one can run in a home folder; call run() from the main thread.

    `ports` (variable -> port) are published in the report.
    """

    def __init__(self, plan: Sequence[Service], home: Path, ports: Mapping[str, int] | None = None) -> None:
        self.home = home
        self.ports = dict(ports or {})
        self.supervised = [Supervised(service, log_path(home, service.name)) for service in plan]
        self._identity = this_process()
        self._asked_to_stop = False
        self._last_report: Report | None = None

    def run(self) -> int:
        """Keep the plan running until SIGTERM or SIGINT; return the exit code: 0, or 1 if a vital service failed.

        Raises:
            Stop: another supervisor runs in this home.
        """
        with only_one_in(self.home), ended_with_this_process(self.home):
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._ask_to_stop)
            culprit: str | None = None
            try:
                while not self._asked_to_stop and not (culprit := self._step()):
                    time.sleep(TICK_SECONDS)
            finally:
                self._stop_all(culprit)
        return 1 if culprit else 0

    def _step(self) -> str | None:
        """Take each service's next step; return the name of a vital one that failed."""
        for one in self.supervised:
            one.advance({other.service.name for other in self.supervised if other.state in {State.READY, State.DONE}})
            self._publish(self._phase(), self._in_trouble())
            if one.service.vital and one.state is State.FAILED:
                return one.service.name
            if self._asked_to_stop:
                break
        return None

    def _phase(self) -> Phase:
        if self._last_report and self._last_report.phase is Phase.UP:
            return Phase.UP
        complete = all(one.state in {State.READY, State.DONE} for one in self.supervised)
        return Phase.UP if complete else Phase.STARTING

    def _in_trouble(self) -> str | None:
        return next((one.service.name for one in self.supervised if one.in_trouble), None)

    def _stop_all(self, culprit: str | None) -> None:
        self._publish(Phase.STOPPING, culprit)
        for one in reversed(self.supervised):
            one.stop()
            self._publish(Phase.STOPPING, culprit)
        self._publish(Phase.FAILED if culprit else Phase.STOPPED, culprit)

    def _publish(self, phase: Phase, culprit: str | None = None) -> None:
        report = Report(phase, self._identity, tuple(one.entry() for one in self.supervised), self.ports, culprit)
        if report != self._last_report:
            write_report(self.home, report)
            self._last_report = report

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # the signature signal wants
        self._asked_to_stop = True


@contextmanager
def ended_with_this_process(home: Path) -> Iterator[None]:
    """End what the report of a home names when this process ends, however it ends, where the kernel does not.

    Linux does (stack/processes.py). Elsewhere a second process waits for the end of a pipe of this one.
    """
    if ON_LINUX:
        yield
        return
    with subprocess.Popen(
        [sys.executable, "-m", "stack.leftovers", str(home)],
        cwd=project_root(),
        stdin=subprocess.PIPE,
        start_new_session=True,
    ):
        yield


@contextmanager
def only_one_in(home: Path) -> Iterator[None]:
    """Hold the lock of a home folder; the kernel releases it however this process ends.

    Raises:
        Stop: another process holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Stop(f"another supervisor runs in {home}") from None
        yield
