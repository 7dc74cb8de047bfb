"""Records that the sink rejects: stored whole, counted, and read again once the cause is fixed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg
import pytest
from confluent_kafka import Producer

from conftest import Start
from services.common.settings import TopicSettings
from tests.support.messages import nested
from tests.support.processes import wait_for
from tests.support.topics import produce

Connection = psycopg.Connection[tuple[Any, ...]]
Row = tuple[Any, ...]


def score(transaction_id: str, value: float = 0.25, flag: int = 0) -> bytes:
    return orjson.dumps({"transaction_id": transaction_id, "score": value, "fraud_flag": flag})


def produce_scores(kafka: str, topics: TopicSettings, *scores: bytes) -> None:
    produce(kafka, topics.scores, scores, b"k")


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


def test_rows_the_database_refused_are_read_again_after_the_offsets_are_set_back(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """A constraint that does not fit raises the alarm and costs no row: Kafka has them still, in their order."""
    with refused(mart, "score < 0.5"):
        produce_scores(kafka, topics, *(score(f"{n}", 0.1) for n in range(200)))
        sink = start("sink", "--until-empty", SINK_REJECT_LIMIT_IN_A_ROW="100")
        assert sink.finish() == 0
    assert "200 messages in a row were rejected" in sink.text()
    produce_scores(kafka, topics, score("0", 0.9, 1))
    assert start("sink", "--until-empty").finish() == 0
    assert rows(mart, "select count(*) from sink_rejects") == [(200,)]

    mart.execute(
        "update sink_offsets o set next_offset = r.first from"
        ' (select cluster_id, topic, partition, min("offset") as first from sink_rejects group by 1, 2, 3) r'
        " where (o.cluster_id, o.topic, o.partition) = (r.cluster_id, r.topic, r.partition)"
    )
    assert start("sink", "--until-empty").finish() == 0

    assert rows(mart, "select count(*) from scores") == [(200,)]
    assert rows(mart, "select score from scores where transaction_id = '0'") == [(0.9,)]


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
def test_an_ordinary_number_of_rejects_is_no_reason_to_stop(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """A few hundred in a row, with the limits as they come; the metrics count them."""
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
