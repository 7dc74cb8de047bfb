"""The scorer's loop: read a batch, score it, write what follows from it in one Kafka transaction; again."""

import gc
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from services.common.errors import Retry, Stop, forget_frames
from services.common.kafka.assignment import Batch
from services.common.kafka.pipeline import InFlight
from services.common.kafka.reject_limit import RejectLimit
from services.common.logs import get_logger
from services.common.process import Backoff, StopSignal, Watchdog
from services.scorer import metrics
from services.scorer.models.reload import ModelHolder
from services.scorer.pipeline import Scoring, Session, WrittenBatch
from services.scorer.quarantine import Quarantine
from services.scorer.read import TransactionSource

FAILURES_IN_A_ROW = 20
REPORT_SECONDS = 1.0

log = get_logger()


class Work(Protocol):
    """What is done with a batch, in two halves; the second runs while the first is at the next batch."""

    def follow(self, partitions: Mapping[int, int]) -> None:
        """Take note of which partitions are owned (partition -> number of its assignment), after each read."""

    def prepare(self, batch: Batch) -> Any:
        """Return what write() needs."""

    def write(self, prepared: Any) -> WrittenBatch:
        """Write a batch, whole or not at all."""


OpenSession = Callable[[], AbstractContextManager[Session]]


def run(
    open_session: OpenSession,
    in_use: ModelHolder,
    limit: RejectLimit,
    suspects: Quarantine,
    stop: StopSignal,
    watchdog: Watchdog,
    *,
    until_empty: bool = False,
) -> None:
    """Score transactions until asked to stop, or until there are none left; each batch is written whole or not at all.

    After any error the Kafka clients are made anew and the group's committed offsets say where to go on.

    Raises:
        Stop: nothing a retry could mend, or too many failures in a row.
    """
    backoff = Backoff()

    def score_in_one_session() -> None:
        with open_session() as session:
            report = ScorerReport(session.source, limit, backoff.reset)
            work = Scoring(session, in_use, limit, suspects)
            work_through(session.source, work, report, stop, watchdog, until_empty=until_empty)

    while not stop.requested:
        try:
            score_in_one_session()
        except Retry as error:
            forget_frames(error)
            if backoff.failures >= FAILURES_IN_A_ROW:
                raise Stop(f"{backoff.failures} failures in a row, the last: {error}") from error
            metrics.REBUILDS.inc()
            log.warning("rebuilding clients", reason=str(error), failures=backoff.failures + 1)
            watchdog.feed()
            backoff.wait(stop.wait)
        else:
            return
        gc.collect()  # clients that hang on a cycle would keep their threads


def work_through(
    source: TransactionSource,
    work: Work,
    report: "ScorerReport",
    stop: StopSignal,
    watchdog: Watchdog,
    *,
    until_empty: bool = False,
) -> None:
    """Write batch after batch, of all that waits when the one before it is written: small ones under a light load.

    When a batch was full, the next one is prepared meanwhile, so that neither the trees nor the broker is waited for.

    Raises:
        Retry, Stop: a batch was not written, nor any after it.
    """
    with InFlight(work.write) as in_flight:
        source.before_revoke = in_flight.settle
        while not stop.requested:
            if in_flight.pending and not source.full:
                report.count(in_flight.finish())
            if not in_flight.pending:
                watchdog.feed()
            batch = source.read()
            work.follow(source.partitions)
            prepared = work.prepare(batch) if batch else None
            if in_flight.pending:
                report.count(in_flight.finish())
                watchdog.feed()
            if prepared:
                in_flight.start(prepared)
            elif until_empty and not in_flight.pending and source.drained:
                break
            report.tell_if_due()
        if in_flight.pending:
            report.count(in_flight.finish())
    report.tell()


class ScorerReport:
    """Counts committed batches: metrics at once, a log line a second at most."""

    def __init__(
        self, source: TransactionSource, limit: RejectLimit, on_commit: Callable[[], None] = lambda: None
    ) -> None:
        self._source = source
        self._limit = limit
        self._on_commit = on_commit
        self._told_at = time.monotonic()
        self._batches = self._messages = self._flagged = self._rejected = 0

    def count(self, written: WrittenBatch) -> None:
        """Count a batch."""
        self._on_commit()
        self._batches += 1
        self._messages += written.messages
        self._flagged += written.flagged
        self._rejected += len(written.rejects)
        metrics.CONSUMED.inc(written.messages)
        metrics.SCORED.labels("1").inc(written.flagged)
        metrics.SCORED.labels("0").inc(written.messages - written.flagged - len(written.rejects))
        metrics.count_values(written.repaired, written.unknown)
        metrics.BATCH_SIZE.observe(written.messages)
        metrics.BATCH_SECONDS.observe(written.seconds)
        metrics.INFERENCE_SECONDS.observe(written.inference_seconds)
        metrics.END_TO_END_SECONDS.observe(written.age_seconds)
        for reject in written.rejects.values():
            metrics.REJECTED.labels(reject.reason.value).inc()

    def tell_if_due(self) -> None:
        """Tell once a second."""
        if time.monotonic() - self._told_at >= REPORT_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Set how near the limit of rejects is; write a log line if anything was scored since the last."""
        metrics.REJECT_SHARE.set(self._limit.share)
        metrics.REJECTS_IN_A_ROW.set(self._limit.in_a_row)
        metrics.REJECT_LIMIT_BROKEN.set(self._limit.exceeded)
        if self._batches:
            log.info(
                "scored",
                batches=self._batches,
                messages=self._messages,
                flagged=self._flagged,
                rejected=self._rejected,
                lag=self._source.lag,
                seconds=round(time.monotonic() - self._told_at, 3),
            )
        self._told_at = time.monotonic()
        self._batches = self._messages = self._flagged = self._rejected = 0
