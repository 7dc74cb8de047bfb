"""Repeats a reading in the background while somebody looks, and shares the last one with all who look."""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from services.common.logs import get_logger

T = TypeVar("T")

AWAKE_SECONDS = 10.0
"""How long a watch goes on reading at its interval after a look; one interval, if that is longer."""

RETRY_SECONDS = 15.0
"""Longest pause after a reading of None: the source may have been unavailable."""

LOOK_SECONDS = 1.0
"""How long a look after a rest waits for the reading that it causes: most take milliseconds, in an outage seconds."""


@dataclass(frozen=True, slots=True)
class Observation(Generic[T]):
    """The last reading (None: there was none yet) and its age; `fresh`: the last attempt succeeded.

    `tried` is False until the first attempt after the start, or after a rest, has ended; `failed`: the last attempt
    ended with an error, not an outage.
    """

    value: T | None
    age_seconds: float
    fresh: bool
    tried: bool
    failed: bool = False


class Watch(Generic[T]):
    """Reads at an interval while somebody looks, however many, and rests otherwise.

    A reading of None means that the source is unavailable.
    """

    def __init__(
        self,
        read: Callable[[], T | None],
        every_seconds: float,
        name: str,
        *,
        rest_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a watch that does not read yet.

        Args:
            read: reads once.
            every_seconds: interval while somebody looks.
            name: of its thread, and in the log.
            rest_seconds: longest rest; for figures that are needed while nobody looks. None: until somebody looks.
            clock: seconds that never go back.
        """
        self._read = read
        self._every_seconds = every_seconds
        self._name = name
        self._rest_seconds = rest_seconds
        self._clock = clock
        self._last: tuple[T | None, float] = (None, 0.0)
        self._fresh = self._tried = False
        self._error: str | None = None
        self._looked_at = -math.inf
        self._woken, self._current, self._stopped = threading.Event(), threading.Event(), threading.Event()

    def start(self) -> None:
        """Start reading in a daemon thread."""
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def stop(self) -> None:
        """Stop reading."""
        self._stopped.set()
        self._woken.set()

    def look(self) -> Observation[T]:
        """Return the last reading; after a rest the next one, or if that takes long the last one as not tried."""
        self._looked_at = self._clock()
        self._woken.set()
        if self._current.wait(LOOK_SECONDS):
            return self.last()
        return replace(self.last(), fresh=False, tried=False, failed=False)

    def last(self) -> Observation[T]:
        """Return the last reading at once, which may be as old as a rest is long; this is no look."""
        value, read_at = self._last
        return Observation(value, self._clock() - read_at, self._fresh, self._tried, self._error is not None)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.read_once()
            self._pause()

    def _pause(self) -> None:
        """Wait for the next reading: an interval, and then until somebody looks if nobody does."""
        interval = self._every_seconds if self._fresh else min(self._every_seconds, RETRY_SECONDS)
        self._stopped.wait(interval)
        self._woken.clear()  # before the check: a look from here on is either seen by it or ends the rest
        looks = self._clock() - self._looked_at <= max(AWAKE_SECONDS, self._every_seconds)
        if not looks and not self._stopped.is_set():
            self._current.clear()
            rest = math.inf if self._rest_seconds is None else self._rest_seconds
            rest = rest if self._fresh else min(rest, RETRY_SECONDS - interval)
            self._woken.wait(None if rest == math.inf else rest)

    def read_once(self) -> None:
        """Read now; an error is logged when it first appears or changes, not at each reading."""
        value, error = None, None
        try:
            value = self._read()
        except Exception as caught:
            error = f"{type(caught).__name__}: {caught}"
            if error != self._error:
                get_logger().exception("watch_failed", watch=self._name)
        self._error = error
        if value is not None:
            self._last = (value, self._clock())
        self._fresh, self._tried = value is not None, True
        self._current.set()


def in_background(call: Callable[[], T], name: str) -> Future[T]:
    """Start the call in a daemon thread and return its future.

    The interpreter waits at exit for the threads of a ThreadPoolExecutor: a frozen database or broker would keep the
    page from stopping.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # raised again where the result is read
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
