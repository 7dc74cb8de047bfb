"""Compares the sink with PostgreSQL's limit: raw COPY of the same rows, in the same batches, into the same table.

The limit gets encoded rows: nothing is read from Kafka, decoded or encoded. The sink does all of that, stores its
offsets in the same database transactions, and may find rows that exist already.
"""

import random
import time
import uuid
from collections.abc import Sequence
from typing import Any

import orjson
import psycopg

from bench.figures import Figures, Goal, figure, ratio
from bench.messages import send
from bench.servers import Servers
from services.common.errors import Stop
from services.common.settings import TopicSettings
from services.sink.settings import SinkSettings

COLUMNS = "transaction_id, score, fraud_flag, scored_at, src_partition, src_offset"
OTHER_PARTITION = 1_000
"""A partition that the topic does not have; its rows count as older than those of the topic."""

TIMEOUT_SECONDS = 120
POLL_SECONDS = 0.005
UNIT = "rows/s"

Score = tuple[str, float]
"""(transaction id, score)"""


def measure(servers: Servers, rows: int, rounds: int) -> Figures:
    """Return rows per second of raw COPY, and of the sink with all rows new, half known, and half scored again."""
    topics = servers.make_topics("sink")
    scores = _scores(rows)
    known = scores[::2]
    rescored = [(transaction_id, 1 - score) for transaction_id, score in known]
    send(servers, topics.scores, [_message(*score) for score in scores])
    copied: list[float] = []
    stored: dict[str, list[float]] = {"new": [], "known": [], "rescored": []}
    with servers.connect() as connection:
        blocks = _blocks(connection, scores)
        for _ in range(rounds):
            servers.empty_mart()
            copied.append(_copy(connection, blocks))
            for case, existing in (("new", []), ("known", known), ("rescored", rescored)):
                servers.empty_mart()
                _copy(connection, _blocks(connection, existing))
                connection.execute("checkpoint")
                stored[case].append(_store(servers, connection, topics, rows))
            print(f"  COPY {copied[-1]:,.0f}, sink {stored['new'][-1]:,.0f} {UNIT}", flush=True)
    servers.empty_mart()
    return {
        "copy": figure("raw COPY of encoded rows (the limit)", copied, UNIT),
        "sink_new": figure("sink, all rows new", stored["new"], UNIT),
        "sink_new_ratio": ratio("sink, all rows new / COPY", stored["new"], copied, goal=Goal(at_least=0.85)),
        "sink_known": figure("sink, half of the ids known, scores unchanged", stored["known"], UNIT),
        "sink_known_ratio": ratio("sink, half known / COPY", stored["known"], copied, goal=Goal(at_least=0.6)),
        "sink_rescored": figure("sink, half of the ids scored again", stored["rescored"], UNIT),
        "sink_rescored_ratio": ratio(
            "sink, half scored again / COPY", stored["rescored"], copied, goal=Goal(at_least=0.6)
        ),
    }


def _scores(rows: int) -> list[Score]:
    rng = random.Random(1)
    return [(str(uuid.UUID(int=rng.getrandbits(128), version=4)), number % 1000 / 1000) for number in range(rows)]


def _message(transaction_id: str, score: float) -> tuple[bytes, bytes]:
    content = {"transaction_id": transaction_id, "score": score, "fraud_flag": _flag(score)}
    return transaction_id.encode(), orjson.dumps(content)


def _flag(score: float) -> int:
    return int(score >= 0.99)


def _blocks(connection: "psycopg.Connection[Any]", scores: Sequence[Score]) -> list[bytes]:
    """Return the input of COPY, one block per batch of the sink, encoded by PostgreSQL itself."""
    size, blocks = SinkSettings().batch_max_messages, []
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("create temp table block on commit drop as select * from scores with no data")
        for start in range(0, len(scores), size):
            with cursor.copy(f"copy block ({COLUMNS}) from stdin") as copy:
                for place, (transaction_id, score) in enumerate(scores[start : start + size], start):
                    copy.write_row((transaction_id, score, _flag(score), "2026-01-01", OTHER_PARTITION, place))
            with cursor.copy(f"copy block ({COLUMNS}) to stdout (format binary)") as copy:
                blocks.append(b"".join(bytes(part) for part in copy))
            cursor.execute("truncate block")
    return blocks


def _copy(connection: "psycopg.Connection[Any]", blocks: Sequence[bytes]) -> float:
    """Return rows per second of a raw COPY, each block in its own database transaction."""
    started = time.perf_counter()
    with connection.cursor() as cursor:
        for block in blocks:
            with cursor.copy(f"copy scores ({COLUMNS}) from stdin (format binary)") as copy:
                copy.write(block)
    seconds = time.perf_counter() - started
    return _count(connection) / seconds


def _store(servers: Servers, connection: "psycopg.Connection[Any]", topics: TopicSettings, rows: int) -> float:
    """Return rows per second of the sink, from the end of its first batch to the end of its last.

    Raises:
        Stop: it does not store all rows.
    """
    query = "select coalesce(sum(next_offset), 0)::int8 from sink_offsets where topic = %s"
    with servers.running("sink", topics) as sink:
        seen: list[tuple[float, int]] = [(0.0, 0)]
        deadline = time.perf_counter() + TIMEOUT_SECONDS
        while seen[-1][1] < rows:
            ((offset,),) = connection.execute(query, [topics.scores]).fetchall()
            if offset > seen[-1][1]:
                seen.append((time.perf_counter(), offset))
            if time.perf_counter() > deadline:
                raise Stop(f"the sink stored {seen[-1][1]} of {rows} rows:\n{sink.text()[-2000:]}")
            time.sleep(POLL_SECONDS)
    if (found := _count(connection)) != rows:
        raise Stop(f"the sink stored {found} rows, not {rows}")
    (begin, first), (end, last) = seen[1], seen[-1]
    return (last - first) / (end - begin)


def _count(connection: "psycopg.Connection[Any]") -> int:
    ((count,),) = connection.execute("select count(*) from scores").fetchall()
    return int(count)
