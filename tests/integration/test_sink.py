"""The sink as a process against a real Kafka and a real PostgreSQL."""

from typing import Any

import orjson
import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from conftest import Start
from services.common.settings import KafkaSettings, TopicSettings
from services.topics.__main__ import make_topics
from stack.servers import PostgresServer
from tests.support.messages import nested
from tests.support.processes import wait_for
from tests.support.topics import produce

Connection = psycopg.Connection[tuple[Any, ...]]


def score(transaction_id: str, value: float = 0.25, flag: int = 0) -> bytes:
    return orjson.dumps({"transaction_id": transaction_id, "score": value, "fraud_flag": flag})


def produce_scores(kafka: str, topic: str, values: list[tuple[str, bytes]]) -> None:
    producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True})
    for key, value in values:
        producer.produce(topic, value, key.encode())
    assert producer.flush(10) == 0


def count(mart: Connection, table: str) -> int:
    row = mart.execute(f"select count(*) from {table}").fetchone()  # noqa: S608
    assert row
    return int(row[0])


def test_scores_and_their_context_meet_in_the_view(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """A score joins the transaction it belongs to, whichever of the two comes first."""
    produce(kafka, topics.transactions, [nested("a", amount=995.7)])
    produce_scores(kafka, topics.scores, [("a", score("a", 0.9, 1)), ("b", score("b"))])

    assert start("sink", "--until-empty").finish() == 0

    rows = mart.execute(
        "select transaction_id, score, fraud_flag, amount, category, merchant, state, event_time::text"
        " from scored_transactions order by transaction_id"
    ).fetchall()
    merchant = "fraud_Stokes, Christiansen and Sipes"
    assert rows == [
        ("a", 0.9, 1, 995.7, "grocery_net", merchant, "TX", "2019-09-14 02:46:00"),
        ("b", 0.25, 0, None, None, None, None, None),
    ]


@pytest.mark.slow
def test_what_other_scorers_write_is_read_too(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """An array with one object, true and false, an int for a float."""
    values = [
        ("a", b'[{"transaction_id": "a", "score": 0.5, "fraud_flag": 1}]'),
        ("b", b'{"transaction_id": "b", "score": 1, "fraud_flag": true}'),
        ("c", b'{"transaction_id": "c", "score": 0, "fraud_flag": false, "more": 1}'),
    ]
    produce_scores(kafka, topics.scores, values)

    assert start("sink", "--until-empty").finish() == 0

    rows = mart.execute("select transaction_id, score, fraud_flag from scores order by 1").fetchall()
    assert rows == [("a", 0.5, 1), ("b", 1.0, 1), ("c", 0.0, 0)]


def test_scores_that_break_the_contract_are_kept_as_rejects(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """Each with its bytes and its reason; the good ones of the same batch arrive."""
    bad = {
        "bad_json": b"{",
        "not_object": b"7",
        "missing_field": b'{"transaction_id": "x", "score": 0.5}',
        "bad_type": b'{"transaction_id": "x", "score": "high", "fraud_flag": 0}',
        "out_of_range": b'{"transaction_id": "x", "score": 1.5, "fraud_flag": 0}',
        "bad_encoding": b'{"transaction_id": "x\\u0000", "score": 0.5, "fraud_flag": 0}',
    }
    produce_scores(kafka, topics.scores, [("k", value) for value in bad.values()] + [("a", score("a"))])

    assert start("sink", "--until-empty").finish() == 0

    rows = mart.execute("select reason, value, key from sink_rejects").fetchall()
    assert {reason: bytes(value) for reason, value, _ in rows} == bad
    assert {bytes(key) for *_, key in rows} == {b"k"}
    assert count(mart, "scores") == 1


def test_a_row_only_the_database_refuses_costs_that_row_alone(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """A constraint the sink does not know of rejects one row of a thousand; the rest is written."""
    mart.execute("alter table scores add constraint unlucky check (transaction_id <> '513')")
    try:
        produce_scores(kafka, topics.scores, [(f"{n}", score(f"{n}")) for n in range(1_000)])
        assert start("sink", "--until-empty").finish() == 0
    finally:
        mart.execute("alter table scores drop constraint unlucky")

    assert count(mart, "scores") == 999
    rows = mart.execute("select reason, value from sink_rejects").fetchall()
    assert [(reason, bytes(value)) for reason, value in rows] == [("out_of_range", score("513"))]


@pytest.mark.slow
def test_the_newest_score_of_an_id_wins(kafka: str, topics: TopicSettings, start: Start, mart: Connection) -> None:
    """In one batch, and in a later one; one row an id."""
    produce_scores(kafka, topics.scores, [("a", score("a", 0.1)), ("a", score("a", 0.2)), ("b", score("b", 0.3))])
    assert start("sink", "--until-empty").finish() == 0
    produce_scores(kafka, topics.scores, [("b", score("b", 0.9, 1))])
    assert start("sink", "--until-empty").finish() == 0

    rows = mart.execute("select transaction_id, score, fraud_flag from scores order by 1").fetchall()
    assert rows == [("a", 0.2, 0), ("b", 0.9, 1)]


def test_reading_everything_again_leaves_every_row_as_it_was(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """The same file twice ends with identical rows, arrival and time included."""
    everything = "select * from scored_transactions order by transaction_id"
    for _ in range(2):
        produce(kafka, topics.transactions, [nested(f"{n}") for n in range(50)])
        produce_scores(kafka, topics.scores, [(f"{n}", score(f"{n}")) for n in range(50)])
        assert start("sink", "--until-empty").finish() == 0
        rows = mart.execute(everything).fetchall()
        assert len(rows) == 50
        if _ == 0:
            first = rows

    assert rows == first


@pytest.mark.slow
def test_the_offsets_in_the_database_decide_not_the_groups(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """A new consumer group does not read again what the database holds."""
    produce_scores(kafka, topics.scores, [(f"{n}", score(f"{n}")) for n in range(10)])
    assert start("sink", "--until-empty").finish() == 0
    mart.execute("delete from scores")

    assert start("sink", "--until-empty", SINK_GROUP_ID=f"other-{topics.scores}").finish() == 0

    assert count(mart, "scores") == 0


def test_a_topic_made_anew_stops_the_sink_loudly(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """If the database stands beyond the topic's end, nothing is skipped in silence: exit code 1 and the place."""
    produce_scores(kafka, topics.scores, [("a", score("a"))])
    assert start("sink", "--until-empty").finish() == 0
    mart.execute("update sink_offsets set next_offset = 1000")

    sink = start("sink", "--until-empty")

    assert sink.finish() == 1
    assert "recreated" in sink.text()


def test_a_topic_that_was_recreated_and_has_grown_is_not_taken_for_the_old_one(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """The topic's id shows it; after what docs/operations.md says, the newer scores win over the old ones."""
    produce_scores(kafka, topics.scores, [(f"{n % 10}", score(f"{n % 10}", 0.1)) for n in range(50)])
    assert start("sink", "--until-empty").finish() == 0
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.delete_topics([topics.scores], operation_timeout=30)[topics.scores].result()
    wait_for(lambda: topics.scores not in admin.list_topics(timeout=10).topics, 30)
    make_topics(KafkaSettings(bootstrap_servers=kafka), topics)
    produce_scores(kafka, topics.scores, [(f"{n % 10}", score(f"{n % 10}", 0.9)) for n in range(100)])

    sink = start("sink", "--until-empty")
    assert sink.finish() == 1
    assert "recreated" in sink.text()
    mart.execute("delete from sink_offsets where topic = %s", [topics.scores])
    assert start("sink", "--until-empty").finish() == 0

    assert mart.execute("select score, count(*) from scores group by 1").fetchall() == [(0.9, 10)]


def test_an_outage_of_the_database_is_waited_out(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection, database: PostgresServer
) -> None:
    """Stopped and started again under load, the database holds every score once, and nothing was rejected."""
    sink = start("sink").wait_ready()
    produce_scores(kafka, topics.scores, [(f"{n}", score(f"{n}")) for n in range(1_000)])
    wait_for(lambda: count(mart, "scores") == 1_000, 20, sink.text)
    mart.close()
    database.stop()
    try:
        produce_scores(kafka, topics.scores, [(f"{n}", score(f"{n}")) for n in range(1_000, 2_000)])
        wait_for(lambda: not sink.ready() and sink.ready("/livez"), 20, sink.text)
    finally:
        database.start()

    with psycopg.connect(database.conninfo, autocommit=True) as connection:
        wait_for(lambda: count(connection, "scores") == 2_000, 30, sink.text)
        assert count(connection, "sink_rejects") == 0
    assert sink.terminate() == 0


@pytest.mark.slow
def test_a_backend_ended_in_the_middle_changes_nothing(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """The connection is terminated again and again; every score arrives once."""
    sink = start("sink", SINK_BATCH_MAX_MESSAGES="200").wait_ready()
    for part in range(5):
        produce_scores(kafka, topics.scores, [(f"{part}-{n}", score(f"{part}-{n}")) for n in range(2_000)])
        mart.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'fraud-sink'")
    wait_for(lambda: count(mart, "scores") == 10_000, 30, sink.text)

    assert count(mart, "sink_rejects") == 0


@pytest.mark.slow
def test_a_database_that_is_slow_is_none_that_hangs(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """A database transaction may last longer than the watchdog's limit, as long as each statement gets on."""
    mart.execute(
        "create function dawdle() returns trigger language plpgsql as 'begin perform pg_sleep(3); return new; end'"
    )
    for event in ("insert on scores", "update on sink_offsets"):
        mart.execute(f"create trigger dawdle before {event} execute function dawdle()")
    try:
        produce_scores(kafka, topics.scores, [("a", score("a"))])
        sink = start("sink", "--until-empty", module="tests.faults.service", FAULTS_WATCHDOG_SECONDS="5")
        assert sink.finish() == 0, sink.text()
    finally:
        mart.execute("drop function dawdle cascade")

    assert count(mart, "scores") == 1
    assert "stuck" not in sink.text()
