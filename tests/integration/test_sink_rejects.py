"""What the sink could not keep: kept as rejects, applied later, and too many of them stop it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg
import pytest
from confluent_kafka import Producer

from conftest import Start, database_env
from services.common.settings import TopicSettings
from stack.servers import PostgresServer
from tests.support.messages import nested
from tests.support.processes import wait_for
from tests.support.topics import produce

Connection = psycopg.Connection[tuple[Any, ...]]
Row = tuple[Any, ...]


def score(transaction_id: str, value: float = 0.25, flag: int = 0) -> bytes:
    return orjson.dumps({"transaction_id": transaction_id, "score": value, "fraud_flag": flag})


def produce_scores(kafka: str, topics: TopicSettings, *scores: bytes) -> None:
    produce(kafka, topics.scores, scores, b"k")


def replay(start: Start, *arguments: str, exit_code: int = 0) -> str:
    command = start("dlq", "replay", "--of", "sink", *arguments)
    assert command.finish() == exit_code, command.text()
    return command.text()


def rows(mart: Connection, query: str) -> list[Row]:
    return mart.execute(query).fetchall()


@contextmanager
def refused(mart: Connection, condition: str, table: str = "scores") -> Iterator[None]:
    """Let the database refuse rows, as a schema that does not fit the sink would."""
    mart.execute(f"alter table {table} add constraint unlucky check (not ({condition}))")
    try:
        yield
    finally:
        mart.execute(f"alter table {table} drop constraint unlucky")


def test_a_rejected_score_is_applied_once_it_can_be(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """A dry run knows; --go gives it its row, in its old place; a second time there is nothing left to do."""
    with refused(mart, "transaction_id = 'b'"):
        produce_scores(kafka, topics, score("a"), score("b", 0.9, 1), b"{")
        assert start("sink", "--until-empty").finish() == 0
        assert "0 would be applied to the tables, 2 would be refused again" in replay(start)

    assert "1 would be applied to the tables, 1 would be refused again" in replay(start)
    assert len(rows(mart, "select * from scores")) == 1
    assert "1 applied to the tables, 1 refused again" in replay(start, "--go")

    assert rows(mart, "select transaction_id, score, src_offset from scores order by 1") == [
        ("a", 0.25, 0),
        ("b", 0.9, 1),
    ]
    kept = 'select reason, attempts, replayed_at is not null from sink_rejects order by "offset"'
    assert rows(mart, kept) == [("out_of_range", 1, True), ("bad_json", 2, False)]
    again = replay(start, "--go")
    assert "0 applied to the tables, 1 refused again" in again
    assert "1 not: replayed already" in again
    assert "1 not: tried 3 times or more" in replay(start, "--go")


@pytest.mark.slow
def test_an_old_score_does_not_win_over_a_newer_one(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """The rejected record keeps its place, so it loses where it would have lost."""
    with refused(mart, "score = 0.1"):
        produce_scores(kafka, topics, score("a", 0.1))
        assert start("sink", "--until-empty").finish() == 0
    produce_scores(kafka, topics, score("a", 0.7, 1))
    assert start("sink", "--until-empty").finish() == 0

    assert "1 applied" in replay(start, "--go")

    assert rows(mart, "select score from scores") == [(0.7,)]


@pytest.mark.slow
def test_of_several_rejects_of_an_id_the_last_one_counts(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """As it would have been without the rejection; the time is that of the record, not of the replay."""
    with refused(mart, "true"):
        for value in (0.1, 0.2, 0.3):
            produce_scores(kafka, topics, score("a", value))
            assert start("sink", "--until-empty").finish() == 0

    assert "3 applied" in replay(start, "--go")

    assert rows(mart, "select score, src_offset from scores") == [(0.3, 2)]
    times = "select scored_at = to_timestamp(max(timestamp_ms) / 1000.0) from scores, sink_rejects group by scored_at"
    assert rows(mart, times) == [(True,)]


@pytest.mark.slow
def test_transactions_the_database_refused_are_applied_too(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """A reject knows its topic, and so its table."""
    with refused(mart, "amount = 25.79", "transactions"):
        produce(kafka, topics.transactions, [nested("a"), nested("b", amount=1.0)])
        assert start("sink", "--until-empty").finish() == 0
    assert rows(mart, "select transaction_id from transactions") == [("b",)]

    assert "1 applied" in replay(start, "--go", "--reason", "out_of_range")

    assert rows(mart, "select transaction_id, amount from transactions order by 1") == [("a", 25.79), ("b", 1.0)]


@pytest.mark.slow
def test_inspect_tells_of_the_sinks_rejects(kafka: str, topics: TopicSettings, start: Start, mart: Connection) -> None:
    """The same report as of the dead letters, with the database's own reason."""
    with refused(mart, "transaction_id = 'b'"):
        produce_scores(kafka, topics, score("b"), b'{"transaction_id": "x", "score": 2, "fraud_flag": 0}')
        assert start("sink", "--until-empty").finish() == 0
    command = start("dlq", "inspect", "--of", "sink")

    assert command.finish() == 0
    told = command.text()
    assert "2 rejected" in told
    assert "out_of_range of score: expected 0 to 1, got 2" in told
    assert f"{topics.scores}/" in told
    assert "PostgreSQL refused it: 23514 (unlucky)" in told


KILLED = """
import os, sys
from services.tools.dlq import table
notes = table.Rejects._note_fates
def note_and_die(self, *arguments):
    notes(self, *arguments)
    os.kill(os.getpid(), 9)
table.Rejects._note_fates = note_and_die
from services.tools.dlq.__main__ import main
sys.exit(main(["replay", "--of", "sink", "--go"]))
"""


@pytest.mark.slow
def test_a_replay_killed_before_its_commit_changed_nothing(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection, database: PostgresServer
) -> None:
    """kill -9 with everything written and nothing committed: the next run does it all."""
    with refused(mart, "true"):
        produce_scores(kafka, topics, *(score(f"{n}") for n in range(100)))
        assert start("sink", "--until-empty").finish() == 0
    env = os.environ | database_env(database, "fraud_sink") | {
        "TOPIC_SCORES": topics.scores, "TOPIC_TRANSACTIONS": topics.transactions,
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", KILLED], env=env, check=False, timeout=60)

    assert done.returncode == -signal.SIGKILL
    assert rows(mart, "select count(*) from scores") == [(0,)]
    assert "100 applied" in replay(start, "--go")
    assert rows(mart, "select count(*) from scores") == [(100,)]


@pytest.mark.slow
def test_a_record_that_is_rejected_anew_is_a_reject_again(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """The database begins anew while its rejects stay: what was replayed before waits again."""
    with refused(mart, "true"):
        produce_scores(kafka, topics, score("a"))
        assert start("sink", "--until-empty").finish() == 0
    assert "1 applied" in replay(start, "--go")
    mart.execute("truncate scores, sink_offsets")
    with refused(mart, "true"):
        assert start("sink", "--until-empty").finish() == 0

    assert "1 applied" in replay(start, "--go")
    assert rows(mart, "select count(*) from scores") == [(1,)]


def offsets(mart: Connection, topic: str) -> int:
    found = mart.execute("select coalesce(sum(next_offset), 0) from sink_offsets where topic = %s", (topic,)).fetchone()
    assert found
    return int(found[0])


def test_scores_that_break_the_contract_keep_no_others_from_the_database(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """They are kept as rejects; that they are too many is told by log and metric, of the topic they are in."""
    sink = start("sink", SINK_REJECT_LIMIT_IN_A_ROW="50").wait_ready()
    produce_scores(kafka, topics, *[b'{"transaction_id": "x"}'] * 60, *(score(f"{n}") for n in range(40)))
    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(100)])
    wait_for(lambda: rows(mart, "select count(*) from scores") == [(40,)], 30, sink.text)

    assert rows(mart, "select count(*) from sink_rejects") == [(60,)]
    broken = {topic: f'fraud_sink_reject_limit_broken{{topic="{topic}"}}' for topic in (topics.scores, topics.alerts)}
    wait_for(lambda: sink.metrics()[broken[topics.scores]] == 1, 10, sink.text)
    assert sink.metrics()[broken[topics.alerts]] == 0
    assert '"reason": "missing_field", "field": "score"' in sink.text()
    assert sink.terminate() == 0


@pytest.mark.slow
def test_what_a_database_refused_row_by_row_is_replayed_when_it_fits(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """A schema that does not fit raises the alarm; afterwards a replay brings every row to where it belongs."""
    with refused(mart, "true"):
        produce_scores(kafka, topics, *(score(f"{n}") for n in range(200)))
        sink = start("sink", "--until-empty", SINK_REJECT_LIMIT_IN_A_ROW="100")
        assert sink.finish() == 0
        assert "200 messages in a row were rejected" in sink.text()
        assert rows(mart, "select count(*) from sink_rejects") == [(200,)]

    assert start("dlq", "replay", "--of", "sink", "--go").finish() == 0
    assert rows(mart, "select count(*) from scores") == [(200,)]


@pytest.mark.slow
def test_an_ordinary_number_of_rejects_is_no_reason_to_stop(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """A few hundred in a row, with the limits as they come; the metrics tell of them."""
    sink = start("sink").wait_ready()
    producer = Producer({"bootstrap.servers": kafka})
    for n in range(300):
        producer.produce(topics.scores, b"{", f"{n}".encode())
    assert producer.flush(10) == 0
    wait_for(lambda: rows(mart, "select count(*) from sink_rejects") == [(300,)], 30, sink.text)
    name = f'{{topic="{topics.scores}"}}'
    wait_for(lambda: sink.metrics()[f"fraud_sink_rejects_in_a_row{name}"] == 300, 5, sink.text)
    assert sink.metrics()[f"fraud_sink_reject_share{name}"] == 1

    produce_scores(kafka, topics, score("a"))
    wait_for(lambda: sink.metrics()[f"fraud_sink_rejects_in_a_row{name}"] == 0, 20, sink.text)
    assert sink.metrics()[f"fraud_sink_reject_limit_broken{name}"] == 0
    assert sink.terminate() == 0
