"""Child processes that end with their parent."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from services.common.settings import project_root

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when the thread that started it ends."""

ON_LINUX = sys.platform == "linux"
"""Whether there are prctl(2) and /proc."""

LOG_LIMIT_BYTES = 20_000_000
"""A longer log is rotated at the next start."""


@dataclass(frozen=True)
class ProcessId:
    """A process by pid and start time: pids are reused, the pair is not."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Return the identity of a living process, None if there is none with this pid."""
        started = _started(pid)
        return cls(pid, started) if started else None

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return _started(self.pid) == self.started

    def wait(self, within_seconds: float) -> bool:
        """Wait until the process has ended; return whether it has."""
        deadline = time.monotonic() + within_seconds
        while self.is_alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def end(self, stop_signal: signal.Signals, within_seconds: float) -> None:
        """End the process, which need not be a child of ours: ask first, kill it and its group when time is up."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.is_alive:
                os.kill(self.pid, stop_signal)
            if not self.wait(within_seconds):
                os.killpg(self.pid, signal.SIGKILL)
                self.wait(5)


def this_process() -> ProcessId:
    """Return the identity of this process."""
    return ProcessId(os.getpid(), _started(os.getpid()) or "")


def spawn(
    argv: Sequence[str], *, env: Mapping[str, str], log: Path, death_signal: signal.Signals, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output appended to `log`, in the project's folder or in `cwd`.

    On Linux it gets `death_signal` when this process ends, however it ends. The kernel watches the *thread* that
    started it, so it is tied only when started from the main thread. Elsewhere stack/leftovers.py ends what a
    supervisor leaves.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            env=env,
            cwd=cwd or project_root(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_tie_to_this_process(death_signal),  # noqa: PLW1509  # prctl must run between fork and exec
        )


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, within_seconds: float) -> None:
    """Ask a child to end, kill it when time is up, and kill what it leaves behind in its process group."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(within_seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tie_to_this_process(death_signal: signal.Signals) -> Callable[[], None] | None:
    if not ON_LINUX or threading.current_thread() is not threading.main_thread():
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return tie


def _started(pid: int) -> str | None:
    """Return when a process was started, in a form that only this machine's other answers compare with."""
    if ON_LINUX:
        try:
            after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            return None
        state, start_ticks = after_name[0], after_name[19]  # fields 3 and 22 of proc_pid_stat(5)
        return None if state in "ZX" else start_ticks
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    state, _, start_time = answer.partition(" ")
    return None if not answer or state.startswith("Z") else start_time.strip()
