"""The loop of scorer and sink: read a batch, prepare it, write it; while one is written the next one is prepared.

ONNX Runtime, librdkafka and libpq release the GIL while they work, so the two halves overlap. One batch at a time is in
flight: batches are written in the order of reading, each in a transaction of its own.
"""

import gc
import math
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from services.common.errors import Retry, Stop, forget_frames
from services.common.kafka.assignment import Batch
from services.common.kafka.consumer import GroupConsumer
from services.common.logs import get_logger
from services.common.process import Backoff, StopSignal, Watchdog

REPORT_SECONDS = 1.0
FEW_MESSAGES = 8

Prepared = TypeVar("Prepared")
Written = TypeVar("Written")

log = get_logger()


class Report:
    """Logs what was committed, a line a second at most; none if there was nothing."""

    def __init__(self, event: str, source: GroupConsumer) -> None:
        self._event = event
        self._source = source
        self._logged_at = time.monotonic()
        self._counts: Counter[str] = Counter()

    def add(self, **counts: int) -> None:
        """Count a batch."""
        self._counts.update(batches=1, **counts)

    def log_if_due(self) -> None:
        """Log once a second."""
        if time.monotonic() - self._logged_at >= REPORT_SECONDS:
            self.log()

    def log(self) -> None:
        """Log what was counted since the last line."""
        if self._counts:
            seconds = round(time.monotonic() - self._logged_at, 3)
            log.info(self._event, **self._counts, lag=self._source.lag, seconds=seconds)
        self._logged_at = time.monotonic()
        self._counts.clear()


@dataclass(frozen=True, slots=True)
class Steps(Generic[Prepared, Written]):
    """Processes the batches of a service.

    Attributes:
        source: where they come from.
        read: returns the messages that wait, at most a batch; an empty batch after a while without any.
        prepare: returns what write() needs.
        write: writes a batch, whole or not at all. Called in a thread of its own.
        count: counts what was written.
        report: logs it.
        idle: called when no message waits and nothing is being written.
        pace_seconds: minimum time from one batch to the next, unless the first was full or of few messages.
    """

    source: GroupConsumer
    read: Callable[[], Batch]
    prepare: Callable[[Batch], Prepared]
    write: Callable[[Prepared], Written]
    count: Callable[[Written], None]
    report: Report
    idle: Callable[[], None] = lambda: None
    pace_seconds: float = 0.0


OpenSteps = Callable[[], AbstractContextManager[Steps[Prepared, Written]]]


def run(
    open_steps: OpenSteps[Prepared, Written],
    stop: StopSignal,
    watchdog: Watchdog,
    on_retry: Callable[[Retry, int], None],
    wait: Callable[[float], object],
    *,
    most_failures: float = math.inf,
    until_empty: bool = False,
) -> None:
    """Work until asked to stop, or until no message is left; after a Retry all is opened again.

    Args:
        open_steps: opens what the steps need; where to go on is asked of Kafka or of the database.
        on_retry: is called with the error, and how many came in a row.
        wait: waits for some seconds before the next try.
        most_failures: how many may come in a row.

    Raises:
        Stop: an error that is not retryable, or too many failures in a row.
    """
    backoff = Backoff()
    while not stop.requested:
        watchdog.feed()
        try:
            _run_once(open_steps, stop, watchdog, backoff, until_empty=until_empty)
        except Retry as error:
            forget_frames(error)  # they hold clients and batches
            if stop.requested:
                log.info("stopped_without_retry", reason=str(error))
                return
            if backoff.failures >= most_failures:
                raise Stop(f"{backoff.failures} failures in a row, the last: {error}") from error
            on_retry(error, backoff.failures + 1)
            watchdog.feed()
            backoff.wait(wait)
        else:
            return
        gc.collect()  # clients that hang on a cycle would keep their threads; see raise_gc_threshold()


def _run_once(
    open_steps: OpenSteps[Prepared, Written],
    stop: StopSignal,
    watchdog: Watchdog,
    backoff: Backoff,
    *,
    until_empty: bool,
) -> None:
    """Open and work: a function of its own, so that no local variable of run() holds clients that have failed."""
    with open_steps() as steps:
        work_through(steps, stop, watchdog, backoff.reset, until_empty=until_empty)


def work_through(
    steps: Steps[Prepared, Written],
    stop: StopSignal,
    watchdog: Watchdog,
    on_commit: Callable[[], None] = lambda: None,
    *,
    until_empty: bool = False,
) -> None:
    """Write batch after batch, until asked to stop or until no message is left:

    1. read what waits: from here on it is not accepted again
    2. prepare it
    3. finish the batch in flight, if there is one: its offsets are done
    4. write, in a thread; if the batch was full, the next one is read and prepared meanwhile

    Raises:
        Retry, Stop: a batch was not written, nor any after it.
    """
    source, report = steps.source, steps.report
    with InFlight(steps.write) as in_flight:

        def finish() -> Batch:
            batch, written = in_flight.finish()
            source.finish(batch)
            on_commit()
            steps.count(written)
            return batch

        # A revoked partition must not be given up while its messages are being written: its next owner begins where
        # that transaction ends.
        source.settle, began = in_flight.settle, 0.0
        while not stop.requested:
            if in_flight.pending and not source.full:
                # A light load: reading waits for the batch in flight, so the next one takes all that came meanwhile.
                batch = finish()
                if steps.pace_seconds and len(batch.messages) > FEW_MESSAGES:
                    stop.wait(began + steps.pace_seconds - time.monotonic())
            if not in_flight.pending:
                watchdog.feed()
            batch, began = steps.read(), time.monotonic()
            prepared = steps.prepare(batch) if batch else None
            if in_flight.pending:
                finish()
                watchdog.feed()
            if prepared is not None:
                in_flight.start(batch, prepared)
            elif until_empty and source.drained:
                break
            else:
                steps.idle()
            report.log_if_due()
        if in_flight.pending:
            finish()
    report.log()


class InFlight(Generic[Prepared, Written]):
    """At most one batch that is being written, in a thread. Leaving the `with` block waits for it."""

    def __init__(self, write: Callable[[Prepared], Written]) -> None:
        self._write = write
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="write")
        self._batch = Batch()
        self._future: Future[Written] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown(wait=True)

    @property
    def pending(self) -> bool:
        """Whether a batch was started whose result was not taken yet."""
        return self._future is not None

    def start(self, batch: Batch, prepared: Prepared) -> None:
        """Begin to write a batch; the result of the one before must have been taken."""
        assert self._future is None  # noqa: S101  # two at a time would be written in any order
        self._batch, self._future = batch, self._thread.submit(self._write, prepared)

    def finish(self) -> tuple[Batch, Written]:
        """Wait for the pending batch and return it with its result, or raise what writing it raised."""
        assert self._future is not None  # noqa: S101  # pending was asked before
        future, self._future = self._future, None
        try:
            return self._batch, future.result()
        finally:
            del future  # an error's traceback holds this frame, the frame would hold the error: batch and all stayed

    def settle(self) -> None:
        """Wait until nothing is being written. How it went, finish() says."""
        if self._future:
            wait([self._future])
