"""The scorer's loop: read a batch, score it, write what follows from it in one Kafka transaction; again."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import orjson

from services.common.contract import record_id
from services.common.errors import Retry, Stop
from services.common.kafka import Batch
from services.common.lifecycle import Backoff, StopSignal, Watchdog
from services.common.logs import get_logger
from services.scorer import metrics
from services.scorer.changelog import Record
from services.scorer.decode import Columns, Rejects
from services.scorer.features import category_codes
from services.scorer.memory import Memory
from services.scorer.read import Source
from services.scorer.score import Model
from services.scorer.write import Target

FAILURES_IN_A_ROW = 20
REPORT_SECONDS = 1.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class Session:
    """One life of the Kafka clients, and of what is remembered with them: from a fresh start to the first error.

    Without a memory every payment is scored as if its customer had no past.
    """

    source: Source
    target: Target
    memory: Memory | None = None


OpenSession = Callable[[], AbstractContextManager[Session]]


def run(
    open_session: OpenSession, model: Model, stop: StopSignal, watchdog: Watchdog, *, until_empty: bool = False
) -> None:
    """Score transactions until asked to stop, or until there are none left; each batch is written whole or not at all.

    After any error the Kafka clients are made anew and the group's committed offsets say where to go on.

    Raises:
        Stop: nothing a retry could mend, or too many failures in a row.
    """
    backoff = Backoff()
    while not stop.requested:
        try:
            with open_session() as session:
                _score_batches(session, model, stop, watchdog, backoff, until_empty=until_empty)
                return
        except Retry as error:
            if backoff.failures >= FAILURES_IN_A_ROW:
                raise Stop(f"{backoff.failures} failures in a row, the last: {error}") from error
            metrics.REBUILDS.inc()
            log.warning("rebuilding clients", reason=str(error), failures=backoff.failures + 1)
            watchdog.feed()
            backoff.wait(stop.wait)


def _score_batches(
    session: Session, model: Model, stop: StopSignal, watchdog: Watchdog, backoff: Backoff, *, until_empty: bool
) -> None:
    report = Report(session.source)
    while not stop.requested:
        watchdog.feed()
        batch = session.source.read()
        if session.memory:
            session.memory.follow(session.source.partitions)
        if batch:
            score_batch(batch, session, model, report)
            backoff.reset()
        elif until_empty and session.source.drained:
            break
        report.tell_if_due()
    report.tell()


def score_batch(batch: Batch, session: Session, model: Model, report: "Report") -> None:
    """Take one batch all the way:

    1. decode the messages into columns; what cannot be decoded is a reject
    2. recall the customers' past, and take the payments into it
    3. compute features and score them
    4. write scores, rejects, what is remembered and offsets in one Kafka transaction
    5. count what is now committed

    Raises:
        Retry: nothing of the batch was written.
    """
    started = time.monotonic()
    columns, rejects = decode_batch(batch, model)
    memories: dict[int, list[Record]] = {}
    if session.memory:
        columns, memories = session.memory.recall(batch.messages, columns)
    scores = model.score(columns)
    flags = model.flag(scores)
    records = to_records(columns.ids, scores.tolist(), flags.tolist())
    session.target.write(batch, records, rejects, memories, session.source.group_metadata())
    session.source.advance(batch)
    unknown = int((category_codes(columns, model.manifest.recipe) < 0).sum())
    report.count(len(batch.messages), int(flags.sum()), unknown, rejects, time.monotonic() - started)


def decode_batch(batch: Batch, model: Model) -> tuple[Columns, Rejects]:
    """Return the columns of a batch's messages and the rejects among them."""
    messages = batch.messages

    def new_id(row: int) -> str:
        message = messages[row]
        return record_id(message.topic(), message.partition(), message.offset())  # type: ignore[arg-type]  # was read

    return model.decoder.decode([message.value() for message in messages], new_id)


def to_records(ids: list[str], scores: list[float], flags: list[bool]) -> list[Record]:
    """Return the messages of the topic `scores`: exactly three fields, keyed by the transaction's id."""
    return [
        {
            "key": transaction_id.encode(),
            "value": orjson.dumps({"transaction_id": transaction_id, "score": score, "fraud_flag": int(flag)}),
        }
        for transaction_id, score, flag in zip(ids, scores, flags, strict=True)
    ]


class Report:
    """Counts committed batches: metrics at once, a log line a second at most."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._told_at = time.monotonic()
        self._batches = self._messages = self._flagged = self._rejected = 0

    def count(self, messages: int, flagged: int, unknown: int, rejects: Rejects, seconds: float) -> None:
        """Count a batch."""
        self._batches += 1
        self._messages += messages
        self._flagged += flagged
        self._rejected += len(rejects)
        metrics.CONSUMED.inc(messages)
        metrics.SCORED.labels("1").inc(flagged)
        metrics.SCORED.labels("0").inc(messages - flagged - len(rejects))
        metrics.UNKNOWN_CATEGORY.inc(unknown)
        metrics.BATCH_SIZE.observe(messages)
        metrics.BATCH_SECONDS.observe(seconds)
        for reject in rejects.values():
            metrics.REJECTED.labels(reject.reason.value).inc()

    def tell_if_due(self) -> None:
        """Set the lag and write the log line once a second."""
        if time.monotonic() - self._told_at >= REPORT_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Set the lag, and write a log line if anything was scored since the last one."""
        behind = self._source.lag
        metrics.LAG.set(behind)
        if self._batches:
            log.info(
                "scored",
                batches=self._batches,
                messages=self._messages,
                flagged=self._flagged,
                rejected=self._rejected,
                lag=behind,
                seconds=round(time.monotonic() - self._told_at, 3),
            )
        self._told_at = time.monotonic()
        self._batches = self._messages = self._flagged = self._rejected = 0
