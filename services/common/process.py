"""Signals, watchdog, instance id, memory and backoff of a process."""

import ctypes
import faulthandler
import fcntl
import gc
import math
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Self, TextIO, TypeVar

from services.common.errors import Stop
from services.common.folders import short_hash
from services.common.logs import get_logger

EXIT_STUCK = 75
"""Exit code of a process that its own watchdog ended (EX_TEMPFAIL of sysexits.h): start it again."""

WATCH_SECONDS = 0.5
"""Between two checks of the watchdog."""

LOCKED_GRACE_SECONDS = 5.0
"""How much longer than the watchdog's limit the GIL may be held."""

STUCK_SHARE = 0.8
"""Share of the watchdog's limit after which /livez fails: some seconds before the process is ended."""

GARBAGE_THRESHOLD = 100_000
"""Objects before the garbage collector runs: more than a batch has, whose records it would search in vain."""

TRIM_SECONDS = 10.0

MOST_DOUBLINGS = 30
"""Of a backoff: any first wait has reached the longest by then, and 2.0**1024 is beyond a float."""

Waited = TypeVar("Waited")

log = get_logger()


def raise_gc_threshold() -> None:
    """Let the garbage collector run less often in a process that works in large batches.

    Such a process calls gc.collect() itself where something large may hang on a cycle: after an error.
    """
    gc.set_threshold(GARBAGE_THRESHOLD)


def trim_malloc() -> None:
    """Return free memory to the system: malloc_trim(3), where the C library has it (glibc)."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def start_malloc_trim() -> None:
    """Return free memory to the system every 10 s, in a daemon thread.

    Otherwise each backlog, read by the threads of new clients, would leave free memory in arenas of its own.
    """

    def repeat() -> None:
        while True:
            time.sleep(TRIM_SECONDS)
            trim_malloc()

    threading.Thread(target=repeat, name="malloc trim", daemon=True).start()


WAKE_SECONDS = 0.5


class StopSignal:
    """Set by SIGTERM or SIGINT; the loop checks it between batches."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @classmethod
    def install(cls) -> Self:
        """Return a stop signal that this process's SIGTERM and SIGINT set."""
        stop = cls()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop._handle)
        return stop

    @property
    def requested(self) -> bool:
        """Whether the process was asked to stop."""
        return self._event.is_set()

    def request(self) -> None:
        """Ask to stop."""
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait until asked to stop, at most for this long; return whether asked."""
        # The kernel may deliver the signal to any thread, and Python runs its handler in the main thread, which a lock
        # that is waited for in one piece would keep asleep: it has to come back now and then.
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > WAKE_SECONDS:
            if self._event.wait(WAKE_SECONDS):
                return True
        return self._event.wait(max(0.0, left))

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # the signature signal wants
        self.request()


class Watchdog:
    """Exits the process when its loop makes no progress: some client calls can hang for ever.

    The exit is immediate, without cleanup: an open Kafka transaction is aborted by the next start of this process.

    A call that hangs may hold the GIL, as the client's subscribe() and incremental_unassign() do: then no Python code
    runs any more, not even this. 5 s after the limit faulthandler ends the process, which needs no GIL; it prints the
    stack of each thread on stderr, and the exit code is 1.
    """

    def __init__(self, limit_seconds: float) -> None:
        self.limit_seconds = limit_seconds
        self._fed_at = time.monotonic()
        self._call_ends_at = math.inf

    def start(self) -> Self:
        """Start watching, in a daemon thread."""
        self.feed()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        return self

    def feed(self) -> None:
        """Note progress of the loop."""
        self._fed_at = time.monotonic()

    @property
    def seconds_since_fed(self) -> float:
        """Seconds since the loop last made progress."""
        return time.monotonic() - self._fed_at

    @property
    def healthy(self) -> bool:
        """Whether the loop made progress recently; reading an idle topic is progress too."""
        return self.seconds_since_fed < STUCK_SHARE * self.limit_seconds

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Exit if the block does not end within this time: for a call whose own timeout may fail."""
        self._call_ends_at = time.monotonic() + seconds
        try:
            yield
        finally:
            self._call_ends_at = math.inf

    def _watch(self) -> None:
        while self.seconds_since_fed < self.limit_seconds and time.monotonic() < self._call_ends_at:
            # Postponed at each check; it fires when this thread does not get the GIL any more.
            faulthandler.dump_traceback_later(self.limit_seconds + LOCKED_GRACE_SECONDS, exit=True)
            time.sleep(WATCH_SECONDS)
        seconds = round(self.seconds_since_fed, 1)
        log.critical("process_stuck", seconds=seconds, exit_code=EXIT_STUCK, threads=dump_stacks())
        os._exit(EXIT_STUCK)


def dump_stacks(deepest: int = 6) -> dict[str, list[str]]:
    """Return thread name -> its innermost calls, the deepest last; without the calling thread."""
    frames = sys._current_frames()  # documented in sys, for just this
    return {
        thread.name: [
            f"{Path(call.filename).name}:{call.lineno} {call.name}"
            for call in traceback.extract_stack(frames[thread.ident])[-deepest:]
        ]
        for thread in threading.enumerate()
        if thread is not threading.current_thread() and thread.ident in frames
    }


class InstanceId:
    """A name that no other running process of this host has, and that the next start of this process gets again.

    The name is `<group>-<hostname>-<hash of the folder>-<n>`, n the first slot whose lock file in the folder is free;
    another user's or installation's processes use another folder. The lock ends with the process, however it ends. A
    stable name (group.instance.id, transactional.id) lets a restarted process take back its partitions and abort its
    open Kafka transaction at once.
    """

    def __init__(self, name: str, lock: TextIO) -> None:
        self.name = name
        self._lock = lock  # held as long as this object lives

    @classmethod
    def claim(cls, folder: Path, group: str, slots: int = 256) -> Self:
        """Return the first free slot of a group on this host.

        Raises:
            Stop: the folder cannot be written, or all slots are taken.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for slot in range(slots):
                lock = (folder / f"{group}-{slot}.lock").open("w")
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    lock.close()
                    continue
                return cls(f"{group}-{socket.gethostname()}-{short_hash(folder)}-{slot}", lock)
        except OSError as error:
            raise Stop(f"cannot lock a slot in {folder}: {error.strerror}; STATE_DIR names another folder") from error
        raise Stop(f"all {slots} slots in {folder} are taken")


class Backoff:
    """Waits longer after each failure in a row: 0.1 s, doubling up to 5 s."""

    def __init__(self, first_seconds: float = 0.1, longest_seconds: float = 5.0) -> None:
        self.failures = 0
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds

    def reset(self) -> None:
        """Note a success: the next wait is the first again."""
        self.failures = 0

    def wait(self, sleep: Callable[[float], Waited]) -> Waited:
        """Note a failure, wait with `sleep(seconds)`, and return what that returns."""
        doublings = min(self.failures, MOST_DOUBLINGS)
        seconds = min(self._first_seconds * 2.0**doublings, self._longest_seconds)
        self.failures += 1
        return sleep(seconds)
