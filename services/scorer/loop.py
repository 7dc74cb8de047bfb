"""The scorer's loop: each batch is scored, and what follows from it is written in one Kafka transaction."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from services.common.errors import Retry
from services.common.kafka import pipeline
from services.common.kafka.assignment import Batch
from services.common.kafka.pipeline import Report, Steps
from services.common.kafka.reject_limit import RejectLimit
from services.common.logs import get_logger
from services.common.process import StopSignal, Watchdog
from services.scorer import metrics
from services.scorer.models.reload import ModelHolder
from services.scorer.pipeline import ScoredMessages, Scoring, Session, WrittenBatch
from services.scorer.quarantine import Quarantine
from services.scorer.read import TransactionSource

FAILURES_IN_A_ROW = 20

log = get_logger()


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
    """Score transactions until asked to stop, or until there are none left.

    After any error the Kafka clients are recreated, and the group's committed offsets say where to go on.

    Raises:
        Stop: an error that is not retryable, or too many failures in a row.
    """

    @contextmanager
    def open_steps() -> Iterator[Steps[ScoredMessages, WrittenBatch]]:
        with open_session() as session:
            source, work = session.source, Scoring(session, in_use, limit, suspects)
            report = ScorerReport(source, limit)

            def read() -> Batch:
                batch = source.read()
                work.follow(source.partitions)  # restores the histories of partitions that were assigned meanwhile
                return batch

            yield Steps(
                source=source, read=read, prepare=work.prepare, write=work.write, count=report.count, report=report
            )

    def on_retry(error: Retry, failures: int) -> None:
        metrics.REBUILDS.inc()
        log.warning("clients_recreated", reason=str(error), failures=failures)

    pipeline.run(
        open_steps, stop, watchdog, on_retry, stop.wait, most_failures=FAILURES_IN_A_ROW, until_empty=until_empty
    )


class ScorerReport(Report):
    """Counts batches that are scored: metrics at once, a log line a second at most."""

    def __init__(self, source: TransactionSource, limit: RejectLimit) -> None:
        super().__init__("batches_scored", source)
        self._limit = limit

    def count(self, written: WrittenBatch) -> None:
        """Count a batch."""
        self.add(messages=written.messages, flagged=written.flagged, rejected=len(written.rejects))
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

    def log(self) -> None:
        """Set how near the limit of rejects is, and log."""
        metrics.REJECT_SHARE.set(self._limit.share)
        metrics.REJECTS_IN_A_ROW.set(self._limit.in_a_row)
        metrics.REJECT_LIMIT_BROKEN.set(self._limit.exceeded)
        super().log()
