"""Pytest plugin: a process outside of pytest ends a test that takes too long, whatever it hangs in.

pytest-timeout reads the limits (the ini `timeout`, its option and marker, `--session-timeout`), but its own ways of
acting on them run inside the interpreter: a signal handler waits for the main thread to leave C code, a timer thread
waits for the GIL. So its hooks are answered here. When a limit is exceeded, the watcher prints the test's name and the
stacks of all threads, by py-spy with the native frames where it is installed and allowed, and aborts pytest:
faulthandler prints the Python stacks again, the exit code is that of SIGABRT. Under pytest-xdist the worker is aborted,
its test is reported as failed and another worker goes on.

`--session-timeout` limits the whole run: pytest-timeout stops it between two tests, the watcher GRACE_SECONDS later.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

GRACE_SECONDS = float(os.environ.get("HANG_LIMIT_GRACE_SECONDS", "60"))
"""For the test under way when the whole run's limit is reached, and for the end of a run."""

STACK_SECONDS = 30.0
"""py-spy reads the symbols of every library for the native frames."""

WATCHER = pytest.StashKey["Watcher"]()


class Watcher:
    """The process that watches this one; it ends with it, as its pipe is closed then."""

    def __init__(self, whole_run_seconds: float) -> None:
        # Started before pytest captures file descriptor 2, so that it can print there. Its folder is that of this file.
        command = [sys.executable, __file__, str(os.getpid()), str(whole_run_seconds)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def limit(self, what: str, seconds: float) -> None:
        """End this process if it is still at `what` after so many seconds; replaces the limit before."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"what": what, "seconds": seconds}).encode() + b"\n")
        self._process.stdin.flush()

    def clear(self) -> None:
        """End the current limit."""
        self.limit("", float("inf"))


def pytest_configure(config: pytest.Config) -> None:
    """Start the watcher. Only the process that began the run has the limit of the whole run."""
    whole_run = config.getoption("session_timeout") or float("inf")
    config.stash[WATCHER] = Watcher(float("inf") if is_worker(config) else float(whole_run) + GRACE_SECONDS)


def is_worker(config: pytest.Config) -> bool:
    """Return whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    """Begin the limit of a test, its fixtures included."""
    item.config.stash[WATCHER].limit(item.nodeid, settings.timeout)
    return True


def pytest_timeout_cancel_timer() -> bool:
    """Go on: it is also called when a test has failed, before its fixtures are torn down."""
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    """End the limit once the fixtures are torn down."""
    try:
        return (yield)
    finally:
        item.config.stash[WATCHER].clear()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Limit what is left: threads and processes that keep the interpreter from ending.

    Not in a worker, which waits for the others: the limit of the whole run is there for it.
    """
    if not is_worker(session.config):
        session.config.stash[WATCHER].limit("the end of the run", GRACE_SECONDS)


def pytest_enter_pdb(config: pytest.Config) -> None:
    """Let a person debug for as long as it takes."""
    config.stash[WATCHER].clear()


def watch(pid: int, whole_run_seconds: float) -> None:
    """Read limits from standard input until it is closed; end the process when one is exceeded."""
    whole_run_ends = time.monotonic() + whole_run_seconds
    what, ends = "", float("inf")
    with os.fdopen(0, "rb", buffering=0) as lines:  # unbuffered, since select() does not see what a buffer holds
        while (now := time.monotonic()) < min(ends, whole_run_ends):
            wait = min(ends, whole_run_ends) - now
            if not select.select([lines], [], [], None if wait == float("inf") else wait)[0]:
                continue
            if not (line := lines.readline()):
                return
            limit = json.loads(line)
            what, ends = limit["what"], time.monotonic() + limit["seconds"]
    abort(pid, what if ends <= whole_run_ends else "the whole run")


def abort(pid: int, what: str) -> None:
    """Print where a process and its children are, abort it, kill its children."""
    print(f"\nTIMEOUT: {what} exceeded its limit, process {pid} is aborted", file=sys.stderr, flush=True)
    children = [child for child in psutil.Process(pid).children(recursive=True) if child.pid != os.getpid()]
    _print_stacks(pid, "--native") or _print_stacks(pid)
    for child in children:
        if "python" in child.name():
            _print_stacks(child.pid)
    os.kill(pid, signal.SIGABRT)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def _print_stacks(pid: int, *options: str) -> bool:
    """Return whether py-spy is there and was allowed to read the process."""
    py_spy = Path(sys.executable).with_name("py-spy")
    if not py_spy.exists():
        return False
    command = [str(py_spy), "dump", "--pid", str(pid), *options]
    try:
        return subprocess.run(command, stdout=sys.stderr, timeout=STACK_SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


if __name__ == "__main__":
    watch(int(sys.argv[1]), float(sys.argv[2]))
