"""Writes one batch in a thread of its own while the next one is prepared.

ONNX Runtime, librdkafka and libpq let go of Python's lock while they work, so the two overlap. One batch at a time:
batches are written in the order of reading, each in a transaction of its own.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Generic, Self, TypeVar

Work = TypeVar("Work")
Result = TypeVar("Result")


class InFlight(Generic[Work, Result]):
    """At most one batch that is being written. Leaving the `with` block waits for it."""

    def __init__(self, write: Callable[[Work], Result]) -> None:
        self._write = write
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="write")
        self._future: Future[Result] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown(wait=True)

    @property
    def pending(self) -> bool:
        """Whether a batch was started whose result was not taken yet."""
        return self._future is not None

    def start(self, work: Work) -> None:
        """Begin to write a batch; the result of the one before must have been taken."""
        assert self._future is None  # noqa: S101  # two at a time would be written in any order
        self._future = self._thread.submit(self._write, work)

    def finish(self) -> Result:
        """Wait for the pending batch and return its result, or raise what it raised."""
        assert self._future is not None  # noqa: S101  # pending was asked before
        future, self._future = self._future, None
        try:
            return future.result()
        finally:
            del future  # an error's traceback holds this frame, the frame would hold the error: batch and all stayed

    def settle(self) -> None:
        """Wait until nothing is being written; finish() still tells how it went."""
        if self._future:
            wait([self._future])
