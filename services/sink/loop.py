"""The sink's loop: read a batch, turn it into rows, write rows and offsets in one database transaction; again."""

import gc
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from services.common.errors import Retry, forget_frames
from services.common.kafka.assignment import Batch
from services.common.kafka.offsets import Partition
from services.common.kafka.pipeline import InFlight
from services.common.logs import get_logger
from services.common.process import Backoff, StopSignal, Watchdog
from services.common.settings import TopicSettings
from services.sink import metrics
from services.sink.pipeline import StoredBatch, Storing
from services.sink.read import SinkSource
from services.sink.rejects import RejectLimits
from services.sink.tables import SCORES
from services.sink.write import MartWriter

REPORT_SECONDS = 1.0
IDLE_SECONDS = 0.2

FEW_MESSAGES = 8
PACE_SECONDS = 0.05
"""From the start of one batch to that of the next, unless the first was full or of few messages: a small stream would
else keep the database busy with small transactions, and a lone payment is kept at once."""

log = get_logger()

OpenMart = Callable[[], AbstractContextManager[MartWriter]]


@dataclass(slots=True)
class SinkState:
    """What the readiness probe looks at."""

    writing: bool = False


def run(
    source: SinkSource,
    open_mart: OpenMart,
    topics: TopicSettings,
    limits: RejectLimits,
    stop: StopSignal,
    watchdog: Watchdog,
    state: SinkState,
    *,
    until_empty: bool = False,
) -> None:
    """Keep what is read until asked to stop, or until there is nothing left; each batch whole or not at all.

    While the database is away nothing is fetched, nothing is rejected, and the consumer stays in its group.

    Raises:
        Stop: nothing a retry could mend.
    """
    backoff = Backoff()
    while not stop.requested:
        watchdog.feed()
        try:
            with open_mart() as mart:
                source.release()
                state.writing = True
                report = SinkReport(source, backoff.reset)
                work_through(
                    source, mart, Storing(mart, topics, limits), report, stop, watchdog, until_empty=until_empty
                )
                return
        except Retry as error:
            forget_frames(error)
            state.writing = False
            metrics.OUTAGES.inc()
            log.warning("waiting", reason=str(error), failures=backoff.failures + 1)
            source.hold()
            backoff.wait(lambda seconds: _idle(source, stop, watchdog, seconds))
        gc.collect()  # nobody else does so soon: see collect_garbage_rarely()


def _idle(source: SinkSource, stop: StopSignal, watchdog: Watchdog, seconds: float) -> None:
    """Stay in the group for so long."""
    end = time.monotonic() + seconds
    while not stop.requested and time.monotonic() < end:
        watchdog.feed()
        source.idle(IDLE_SECONDS)


def work_through(
    source: SinkSource,
    mart: MartWriter,
    work: Storing,
    report: "SinkReport",
    stop: StopSignal,
    watchdog: Watchdog,
    *,
    until_empty: bool = False,
) -> None:
    """Write batch after batch. When one was full, the next one is read and decoded while the database is at work.

    Raises:
        Retry, Stop: a batch was not written, nor any after it.
    """
    with InFlight(work.write) as in_flight:

        def locate(lows: Mapping[Partition, int], topic_ids: Mapping[str, str]) -> dict[Partition, int]:
            in_flight.settle()  # the connection is its, and so are the offsets
            return mart.positions(lows, topic_ids)

        def finish() -> Batch:
            kept = in_flight.finish()
            source.finish(kept.batch)
            report.count(kept)
            return kept.batch

        source.before_revoke, began = in_flight.settle, 0.0
        while not stop.requested:
            if in_flight.pending and not source.full:
                written = finish()
                if len(written.messages) > FEW_MESSAGES:
                    stop.wait(began + PACE_SECONDS - time.monotonic())
            if not in_flight.pending:
                watchdog.feed()
            batch, began = source.read(locate), time.monotonic()
            prepared = work.prepare(batch) if batch else None
            if in_flight.pending:
                finish()
                watchdog.feed()
            if prepared:
                in_flight.start(prepared)
            elif until_empty and source.drained:
                break
            else:
                mart.check_if_due()
            report.tell_if_due()
        if in_flight.pending:
            finish()
    report.tell()


class SinkReport:
    """Counts batches that are kept: metrics at once, a log line a second at most."""

    def __init__(self, source: SinkSource, on_commit: Callable[[], None] = lambda: None) -> None:
        self._source = source
        self._on_commit = on_commit
        self._told_at = time.monotonic()
        self._batches = self._messages = self._rejected = 0

    def count(self, kept: StoredBatch) -> None:
        """Count a batch."""
        self._on_commit()
        self._batches += 1
        self._messages += len(kept.batch.messages)
        self._rejected += len(kept.rejects)
        for table, change in kept.written.items():
            metrics.WRITTEN.labels(table).inc(change.rows)
        if SCORES.name in kept.written:
            metrics.RESCORED.inc(kept.written[SCORES.name].changed)
        for reject in kept.rejects:
            metrics.REJECTED.labels(reject.reason).inc()
        metrics.CONSUMED.inc(len(kept.batch.messages))
        metrics.BATCH_SIZE.observe(len(kept.batch.messages))
        metrics.END_TO_END_SECONDS.observe(kept.batch.age_seconds(time.time()))
        metrics.SKIPPED.inc(kept.skipped)
        metrics.COPY_SECONDS.observe(kept.seconds)

    def tell_if_due(self) -> None:
        """Tell once a second."""
        if time.monotonic() - self._told_at >= REPORT_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Write a log line if anything was kept since the last one."""
        if self._batches:
            log.info(
                "kept",
                batches=self._batches,
                messages=self._messages,
                rejected=self._rejected,
                lag=self._source.lag,
                seconds=round(time.monotonic() - self._told_at, 3),
            )
        self._told_at = time.monotonic()
        self._batches = self._messages = self._rejected = 0
