"""The sink's loop: each batch is turned into rows; rows and offsets are written in one database transaction."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from services.common.errors import Retry
from services.common.kafka import pipeline
from services.common.kafka.pipeline import Report, Steps
from services.common.logs import get_logger
from services.common.process import StopSignal, Watchdog
from services.common.reading.stored import TransactionReader
from services.common.settings import TopicSettings
from services.sink import metrics
from services.sink.pipeline import PreparedRows, StoredBatch, Storing
from services.sink.read import SinkSource
from services.sink.rejects import RejectLimits
from services.sink.tables import SCORES
from services.sink.write import MartWriter

IDLE_SECONDS = 0.2

PACE_SECONDS = 0.05
"""A small stream would otherwise keep PostgreSQL busy with small commits. A lone message is stored at once."""

log = get_logger()

OpenMart = Callable[[], AbstractContextManager[MartWriter]]


@dataclass(slots=True)
class SinkState:
    """The state that the readiness probe looks at."""

    writing: bool = False


def run(
    source: SinkSource,
    open_mart: OpenMart,
    topics: TopicSettings,
    reader: TransactionReader,
    limits: RejectLimits,
    stop: StopSignal,
    watchdog: Watchdog,
    state: SinkState,
    *,
    until_empty: bool = False,
) -> None:
    """Store what is read until asked to stop, or until there is nothing left; each batch whole or not at all.

    While the database is unavailable nothing is fetched, nothing is rejected, and the consumer stays in its group.

    Raises:
        Stop: an error that is not retryable.
    """

    @contextmanager
    def open_steps() -> Iterator[Steps[PreparedRows, StoredBatch]]:
        with open_mart() as mart:
            source.release()
            state.writing = True
            work, report = Storing(mart, topics, reader, limits), SinkReport(source)
            yield Steps(
                source=source,
                read=lambda: source.read(mart.positions),
                prepare=work.prepare,
                write=work.write,
                count=report.count,
                report=report,
                idle=mart.check_if_due,
                pace_seconds=PACE_SECONDS,
            )

    def on_retry(error: Retry, failures: int) -> None:
        state.writing = False
        metrics.OUTAGES.inc()
        log.warning("storing_paused", reason=str(error), failures=failures)
        source.hold()

    def wait(seconds: float) -> None:
        """Stay in the group meanwhile."""
        end = time.monotonic() + seconds
        while not stop.requested and time.monotonic() < end:
            watchdog.feed()
            source.idle(IDLE_SECONDS)

    pipeline.run(open_steps, stop, watchdog, on_retry, wait, until_empty=until_empty)


class SinkReport(Report):
    """Counts batches that are stored: metrics at once, a log line a second at most."""

    def __init__(self, source: SinkSource) -> None:
        super().__init__("batches_stored", source)

    def count(self, stored: StoredBatch) -> None:
        """Count a batch."""
        self.add(messages=len(stored.batch.messages), rejected=len(stored.rejects))
        for table, change in stored.written.items():
            metrics.WRITTEN.labels(table).inc(change.rows)
        if SCORES.name in stored.written:
            metrics.RESCORED.inc(stored.written[SCORES.name].changed)
        for reject in stored.rejects:
            metrics.REJECTED.labels(reject.reason).inc()
        metrics.CONSUMED.inc(len(stored.batch.messages))
        metrics.BATCH_SIZE.observe(len(stored.batch.messages))
        metrics.END_TO_END_SECONDS.observe(stored.batch.age_seconds(time.time()))
        metrics.SKIPPED.inc(stored.skipped)
        metrics.COPY_SECONDS.observe(stored.seconds)
