"""The sink's loop: read a batch, turn it into rows, write rows and offsets in one database transaction; again."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from services.common.errors import Reject, Retry
from services.common.kafka import Batch
from services.common.lifecycle import Backoff, StopSignal, Watchdog
from services.common.logs import get_logger
from services.common.settings import TopicSettings
from services.sink import metrics
from services.sink.decode import decode_alert, decode_score, decode_transaction
from services.sink.limits import Limits
from services.sink.merge import Row, TableRows, Written
from services.sink.models import decode_model_message
from services.sink.read import Source
from services.sink.rejects import RejectRow, reject_row
from services.sink.tables import ALERTS, SCORES, SPANS, TABLES, TALLIES, TRANSACTIONS
from services.sink.write import Mart

REPORT_SECONDS = 1.0
IDLE_SECONDS = 0.2

FEW_MESSAGES = 8
PACE_SECONDS = 0.05
"""From the start of one batch to that of the next, unless the first was full or of few messages: a small stream would
else keep the database busy with small transactions, and a lone payment is kept at once."""

MODEL_TABLES = {"span": SPANS, "tally": TALLIES}
"""The table of each kind of message of the topic of models."""

log = get_logger()

OpenMart = Callable[[], AbstractContextManager[Mart]]


@dataclass(slots=True)
class State:
    """What the readiness probe looks at."""

    writing: bool = False


def run(
    source: Source,
    open_mart: OpenMart,
    topics: TopicSettings,
    limits: Limits,
    stop: StopSignal,
    watchdog: Watchdog,
    state: State,
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
                _write_batches(source, mart, topics, limits, stop, watchdog, backoff, until_empty=until_empty)
                return
        except Retry as error:
            state.writing = False
            metrics.OUTAGES.inc()
            log.warning("waiting", reason=str(error), failures=backoff.failures + 1)
            source.hold()
            backoff.wait(lambda seconds: _idle(source, stop, watchdog, seconds))


def _idle(source: Source, stop: StopSignal, watchdog: Watchdog, seconds: float) -> None:
    """Stay in the group for so long."""
    end = time.monotonic() + seconds
    while not stop.requested and time.monotonic() < end:
        watchdog.feed()
        source.idle(IDLE_SECONDS)


def _write_batches(
    source: Source,
    mart: Mart,
    topics: TopicSettings,
    limits: Limits,
    stop: StopSignal,
    watchdog: Watchdog,
    backoff: Backoff,
    *,
    until_empty: bool,
) -> None:
    report = Report(source)
    while not stop.requested:
        watchdog.feed()
        batch = source.read(mart.positions)
        if batch:
            started = time.monotonic()
            keep_batch(batch, source, mart, topics, limits, report)
            backoff.reset()
            if len(batch.messages) > FEW_MESSAGES and not source.full:
                stop.wait(started + PACE_SECONDS - time.monotonic())
        elif until_empty and source.drained:
            break
        else:
            mart.check_if_due()
        report.tell_if_due()
    report.tell()


def keep_batch(
    batch: Batch, source: Source, mart: Mart, topics: TopicSettings, limits: Limits, report: "Report"
) -> None:
    """Take one batch all the way:

    1. decode the messages into rows, the last of an id; scores and alerts that break the contract are rejects
    2. write rows, rejects and offsets in one database transaction, unless the rejects are too many
    3. note what is now kept

    Raises:
        Retry: nothing of the batch was written; Stop: likewise, and nothing a retry could mend.
    """
    started = time.monotonic()
    parts, rejects, skipped = decode_batch(batch, topics)
    written, rejects = mart.write(batch, parts, rejects, partial(limits.check, batch))
    source.advance(batch)
    limits.count(batch, rejects)
    report.count(batch, written, rejects, skipped, time.monotonic() - started)


def decode_batch(batch: Batch, topics: TopicSettings) -> tuple[list[TableRows], list[RejectRow], int]:
    """Return the rows of a batch, the rejects of scores and alerts, and how many others could not be read.

    Of an id that comes more than once the last one is kept: a merge must not meet a row twice (SQLSTATE 21000).
    """
    rows: dict[str, dict[str, Row]] = {table.name: {} for table in TABLES}
    rejects: list[RejectRow] = []
    skipped = 0
    for message in batch.messages:
        topic, partition, offset, value = message.topic(), message.partition(), message.offset(), message.value()
        assert topic is not None  # noqa: S101  # a message that was read has its place; this tells the type checker
        assert partition is not None  # noqa: S101
        assert offset is not None  # noqa: S101
        row: Row
        try:
            if topic == topics.scores:
                table, row = SCORES, decode_score(value, message.timestamp()[1], partition, offset)
            elif topic == topics.alerts:
                table, row = ALERTS, decode_alert(value, message.timestamp()[1], partition, offset)
            elif topic == topics.models:
                kind, row = decode_model_message(value, message.timestamp()[1], partition, offset)
                table = MODEL_TABLES[kind]
            else:
                table, row = TRANSACTIONS, decode_transaction(value, topic, partition, offset)
        except Reject as reject:
            if topic in {topics.scores, topics.alerts}:
                rejects.append(reject_row(message, reject))
            else:
                skipped += 1
        else:
            rows[table.name][row[0]] = row
    read_from = {
        SCORES: topics.scores,
        TRANSACTIONS: topics.transactions,
        ALERTS: topics.alerts,
        SPANS: topics.models,
        TALLIES: topics.models,
    }
    parts = [TableRows(table, topic, list(rows[table.name].values())) for table, topic in read_from.items()]
    return parts, rejects, skipped


class Report:
    """Counts batches that are kept: metrics at once, a log line a second at most."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._told_at = time.monotonic()
        self._batches = self._messages = self._rejected = 0

    def count(
        self, batch: Batch, written: dict[str, Written], rejects: list[RejectRow], skipped: int, seconds: float
    ) -> None:
        """Count a batch."""
        self._batches += 1
        self._messages += len(batch.messages)
        self._rejected += len(rejects)
        for table, change in written.items():
            metrics.WRITTEN.labels(table).inc(change.rows)
        if SCORES.name in written:
            metrics.RESCORED.inc(written[SCORES.name].changed)
        for reject in rejects:
            metrics.REJECTED.labels(reject.reason).inc()
        metrics.CONSUMED.inc(len(batch.messages))
        metrics.BATCH_SIZE.observe(len(batch.messages))
        metrics.END_TO_END_SECONDS.observe(batch.age_seconds(time.time()))
        metrics.SKIPPED.inc(skipped)
        metrics.COPY_SECONDS.observe(seconds)

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
