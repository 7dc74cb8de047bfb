"""Messages per second of one process that reads a full topic: the scorer, and the limit that librdkafka sets.

The limit is a pass-through of the same bytes: the same reads, batches and Kafka transactions, and nothing in between.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Figures, Goal, figure, ratio
from bench.servers import Servers
from services.common.kafka.assignment import Batch
from services.common.kafka.pipeline import Steps, work_through
from services.common.kafka.reject_limit import RejectLimit
from services.common.process import InstanceId, StopSignal, Watchdog, raise_gc_threshold
from services.common.settings import TopicSettings
from services.scorer.history.changelog import Record
from services.scorer.loop import ScorerReport
from services.scorer.models.load import load_model
from services.scorer.models.reload import ModelHolder
from services.scorer.pipeline import Scoring, Session, WrittenBatch
from services.scorer.quarantine import Quarantine
from services.scorer.read import TransactionSource
from services.scorer.recall import PartitionHistories
from services.scorer.score import Model
from services.scorer.settings import ScorerSettings
from services.scorer.write import ScoreWriter

NO_LIMIT = RejectLimit(0, 0)


def measure(servers: Servers, csv_file: Path, rows: int, rounds: int) -> Figures:
    """Return the rates of scorer and pass-through, measured in turn, and their ratio."""
    raise_gc_threshold()  # as the service does
    topics = servers.make_topics("rates")
    servers.send(csv_file, topics)
    model = load_model(ScorerSettings().model_dir)
    in_use = ModelHolder(model)
    suspects = Quarantine(servers.folder / "rates.suspects")
    scoring_work = lambda session: Scoring(session, in_use, NO_LIMIT, suspects)  # noqa: E731
    unexplained_work = lambda session: _Unexplained(session, in_use, NO_LIMIT, suspects)  # noqa: E731
    runs: dict[str, list[_Run]] = {name: [] for name in ("pass", "score", "unexplained", "forget")}

    def run(name: str, work: Callable[[Session], "Scoring | _PassThrough"], *, remembers: bool) -> None:
        memory = PartitionHistories(model.plan) if remembers else None
        runs[name].append(_run(servers, topics, rows, f"{name}-{len(runs[name])}", work, memory))

    for _ in range(rounds):
        run("pass", _PassThrough, remembers=False)
        run("score", scoring_work, remembers=True)
        run("unexplained", unexplained_work, remembers=True)
        run("forget", scoring_work, remembers=False)
        print(
            f"  pass-through {runs['pass'][-1].rate:,.0f}, scorer {runs['score'][-1].rate:,.0f} messages/s", flush=True
        )
    passing, scoring, forgetting = ([one.rate for one in runs[name]] for name in ("pass", "score", "forget"))
    explained, unexplained = ([one.cpu_us for one in runs[name]] for name in ("score", "unexplained"))
    flagged = runs["score"][0].flagged / rows
    changelog = servers.bytes_of(topics.history) / rows / (2 * rounds)
    return {
        "scorer": figure("scorer with history, exactly once, one process", scoring, "messages/s"),
        "pass_through": figure("pass-through of the same bytes, exactly once (the limit)", passing, "messages/s"),
        "ratio": ratio("scorer / pass-through", scoring, passing, goal=Goal(at_least=0.5)),
        "no_history": figure("scorer without history and changelog", forgetting, "messages/s"),
        "history_ratio": ratio("scorer with history / without", scoring, forgetting, goal=Goal(at_least=0.8)),
        "explained": figure(
            "scorer with reasons", explained, "CPU us/message", note=f"{flagged:.2%} of the transactions are flagged"
        ),
        "unexplained": figure("scorer without reasons: no alerts", unexplained, "CPU us/message"),
        "reasons_ratio": ratio(
            "processor time with reasons / without", explained, unexplained, goal=Goal(at_most=1.05)
        ),
        "changelog": figure("changelog on the broker's disk, lz4", [changelog], "bytes/message"),
    }


def scores_without_history(values: Sequence[bytes]) -> dict[str, float]:
    """Return transaction id -> score, as the scorer would publish it without history."""
    model = load_model(ScorerSettings().model_dir)
    columns, _ = model.decoder.decode(values, str)
    return dict(zip(columns.ids, model.score(model.features(columns)).tolist(), strict=True))


def score_all(servers: Servers, topics: TopicSettings, rows: int, group: str, model: Model) -> float:
    """Return messages per second of a scorer with history that scores a full topic with a model."""
    suspects = Quarantine(servers.folder / "rates.suspects")
    work = lambda session: Scoring(session, ModelHolder(model), NO_LIMIT, suspects)  # noqa: E731
    return _run(servers, topics, rows, group, work, PartitionHistories(model.plan)).rate


@dataclass(frozen=True, slots=True)
class _Run:
    """Result of a run: messages per second, microseconds of processor time per message, number of flagged messages."""

    rate: float
    cpu_us: float
    flagged: int


def _run(
    servers: Servers,
    topics: TopicSettings,
    rows: int,
    group: str,
    work: Callable[[Session], "Scoring | _PassThrough"],
    memory: PartitionHistories | None,
) -> _Run:
    """Return the result for all messages, from the first batch read to the last commit, of a new consumer group."""
    settings = ScorerSettings(group_id=group)
    slot = InstanceId.claim(servers.folder, group)
    watchdog = Watchdog(600)
    target = ScoreWriter(servers.kafka_settings, settings, topics, slot.name, watchdog)
    target.open(lambda: None)
    source = TransactionSource(servers.kafka_settings, settings, [topics.transactions], slot.name)
    stop, report = StopSignal(), _Stopwatch(source, rows)
    report.stop = stop
    busy = time.process_time()
    try:
        work_through(_steps(work(Session(source, target, memory)), report), stop, watchdog)
        return _Run(rows / report.seconds, (time.process_time() - busy) / rows * 1e6, report.flagged)
    finally:
        source.close()
        target.close()


def _steps(work: "Scoring | _PassThrough", report: "_Stopwatch") -> Steps[Any, WrittenBatch]:
    """Return the steps of the scorer's loop."""
    source = work.session.source

    def read() -> Batch:
        batch = source.read()
        work.follow(source.partitions)
        return batch

    return Steps(source, read, work.prepare, work.write, report.count, report)


class _Stopwatch(ScorerReport):
    """Stops the loop after a number of messages and measures the time they took."""

    def __init__(self, source: TransactionSource, rows: int) -> None:
        super().__init__(source, NO_LIMIT)
        self.stop = StopSignal()
        self.seconds = 0.0
        self.flagged = 0
        self._left = rows
        self._started = 0.0

    def count(self, written: WrittenBatch) -> None:
        """Count a batch; the time starts when the first one was read."""
        now = time.perf_counter()
        self._started = self._started or now - written.seconds
        self._left -= written.messages
        self.flagged += written.flagged
        self.seconds = now - self._started
        if self._left <= 0:
            self.stop.request()


class _Unexplained(Scoring):
    """Scores without explaining what it flags."""

    def _explain(self, *_: Any, **__: Any) -> list[Record]:
        return []


@dataclass(frozen=True, slots=True)
class _PassThrough:
    """Writes the same bytes to the other topic."""

    session: Session
    at_most = None

    def follow(self, partitions: Mapping[int, int]) -> None:
        """Ignore the assignment: there is no history."""

    def prepare(self, batch: Batch) -> tuple[float, Batch, list[Record], Any]:
        """Return the bytes of the batch as records."""
        started = time.monotonic()
        records: list[Record] = [{"key": m.key() or b"", "value": m.value() or b""} for m in batch.messages]
        return started, batch, records, self.session.source.membership()

    def write(self, prepared: tuple[float, Batch, list[Record], Any]) -> WrittenBatch:
        """Write them in one Kafka transaction."""
        started, batch, records, metadata = prepared
        self.session.target.write(batch, records, [], {}, {}, [], metadata)
        return WrittenBatch(len(batch.messages), 0, {}, {}, {}, time.monotonic() - started, 0.0, 0.0)
