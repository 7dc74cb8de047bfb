"""Messages a second of one process that finds a full topic: the scorer, and what librdkafka alone could do.

The limit is a pass-through of the same bytes: the same reading, the same batch, the same Kafka transactions, and
nothing in between.
"""

import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.servers import Servers
from services.common.kafka import Batch
from services.common.lifecycle import Slot
from services.common.settings import TopicSettings
from services.scorer.changelog import Record
from services.scorer.history import History
from services.scorer.loop import Report, Session, score_batch
from services.scorer.memory import Memory
from services.scorer.read import Source
from services.scorer.score import load_model
from services.scorer.settings import ScorerSettings
from services.scorer.write import Target

Handle = Callable[[Batch, Session], None]


def measure(servers: Servers, csv_file: Path, rows: int, rounds: int) -> dict[str, dict[str, object]]:
    """Return the rates of scorer and pass-through, taken in turn, and their ratio."""
    topics = servers.make_topics("rates")
    servers.send(csv_file, topics)
    model = load_model(ScorerSettings().model_dir)
    handle: Handle = lambda batch, session: score_batch(batch, session, model, Report(session.source))  # noqa: E731
    passing: list[float] = []
    scoring: list[float] = []
    forgetting: list[float] = []
    for number in range(rounds):
        passing.append(_rate(servers, topics, rows, f"pass-{number}", _pass_through))
        scoring.append(
            _rate(servers, topics, rows, f"score-{number}", handle, Memory(model.manifest.recipe, _empty_histories))
        )
        forgetting.append(_rate(servers, topics, rows, f"forget-{number}", handle))
    changelog = servers.bytes_of(topics.history) / rows / rounds
    return {
        "scorer": _figure("scorer with history, exactly once, one process", scoring),
        "pass_through": _figure("pass-through of the same bytes, exactly once (the limit)", passing),
        "ratio": _ratio("scorer / pass-through", scoring, passing),
        "no_history": _figure("scorer without history: no past, no changelog", forgetting),
        "history_ratio": _ratio("with history / without", scoring, forgetting),
        "changelog": {"what": "changelog on disk, lz4", "value": round(changelog, 1), "unit": "bytes/message"},
    }


def _ratio(what: str, rates: list[float], limits: list[float]) -> dict[str, object]:
    ratios = [rate / limit for rate, limit in zip(rates, limits, strict=True)]
    return {"what": what, "value": round(statistics.median(ratios), 3), "unit": ""}


def _empty_histories(partitions: Iterable[int]) -> dict[int, History]:
    return {partition: History() for partition in partitions}


def _figure(what: str, rates: list[float]) -> dict[str, object]:
    note = f"{min(rates):,.0f} to {max(rates):,.0f} in {len(rates)} rounds"
    return {"what": what, "value": round(statistics.median(rates)), "unit": "messages/s", "note": note}


def _rate(
    servers: Servers, topics: TopicSettings, rows: int, group: str, handle: Handle, memory: Memory | None = None
) -> float:
    """Return messages a second from the first batch read to the last one committed, by a new consumer group."""
    settings = ScorerSettings(group_id=group)
    slot = Slot.claim(servers.folder, group)
    target = Target(servers.kafka_settings, settings, topics, slot.name)
    target.open(lambda: None)
    source = Source(servers.kafka_settings, settings, topics.transactions, slot.name)
    session = Session(source, target, memory)
    done, started = 0, 0.0
    try:
        while done < rows:
            batch = source.read()
            if memory:
                memory.follow(source.partitions)
            if batch:
                started = started or time.perf_counter()
                handle(batch, session)
                done += len(batch.messages)
        return rows / (time.perf_counter() - started)
    finally:
        source.close()
        target.close()


def _pass_through(batch: Batch, session: Session) -> None:
    records: list[Record] = [{"key": m.key() or b"", "value": m.value() or b""} for m in batch.messages]
    session.target.write(batch, records, {}, {}, session.source.group_metadata())
    session.source.advance(batch)
