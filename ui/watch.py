"""Repeats a reading in the background and shares the last one with all who look."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.common.logs import get_logger

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Observation(Generic[T]):
    """The last reading (None: there was none yet) and its age; `fresh`: the last attempt succeeded.

    `tried` is False until the first attempt has ended; `failed`: the last attempt ended with an error, not an outage.
    """

    value: T | None
    age_seconds: float
    fresh: bool
    tried: bool
    failed: bool = False


class Watch(Generic[T]):
    """Reads at an interval, however many look; a reading of None means that the source is unavailable."""

    def __init__(self, read: Callable[[], T | None], every_seconds: float, name: str) -> None:
        self._read = read
        self._every_seconds = every_seconds
        self._name = name
        self._last: tuple[T | None, float] = (None, 0.0)
        self._fresh = self._tried = False
        self._error: str | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Start reading in a daemon thread."""
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def stop(self) -> None:
        """Stop reading."""
        self._stopped.set()

    def look(self) -> Observation[T]:
        """Return the last reading at once."""
        value, read_at = self._last
        return Observation(value, time.monotonic() - read_at, self._fresh, self._tried, self._error is not None)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.read_once()
            self._stopped.wait(self._every_seconds)

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
            self._last = (value, time.monotonic())
        self._fresh, self._tried = value is not None, True


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
