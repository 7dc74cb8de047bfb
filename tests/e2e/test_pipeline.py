"""The whole path on real services: a CSV file in, rows in PostgreSQL out."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest import ROOT, Start
from services.common.settings import TopicSettings
from tests.support.messages import nested
from tests.support.processes import wait_for
from tests.support.topics import produce, read_all

SAMPLE = ROOT / "services/simulator/sample.csv"
SAMPLE_ROWS = 2_000

Connection = psycopg.Connection[tuple[Any, ...]]


def send(path: Path, kafka: str, topic: str) -> "subprocess.CompletedProcess[str]":
    env = {"KAFKA_BOOTSTRAP_SERVERS": kafka, "TOPIC_TRANSACTIONS": topic, "PATH": ""}
    command = [sys.executable, "-m", "services.sender", str(path)]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


def one(mart: Connection, query: str) -> tuple[Any, ...]:
    row = mart.execute(query).fetchone()
    assert row is not None
    return row


@pytest.fixture
def pipeline(start: Start) -> Start:
    """A scorer and a sink that run."""
    start("scorer").wait_ready()
    start("sink").wait_ready()
    return start


def test_a_csv_file_comes_out_scored_with_its_context(
    kafka: str, topics: TopicSettings, pipeline: Start, mart: Connection
) -> None:
    """Every row of the sample has one score and its transaction beside it, and some are flagged."""
    sent = send(SAMPLE, kafka, topics.transactions)
    assert sent.returncode == 0, sent.stdout + sent.stderr
    complete = "select count(*), count(event_time), count(merchant), sum(fraud_flag) from scored_transactions"
    wait_for(lambda: one(mart, complete)[:3] == (SAMPLE_ROWS,) * 3, 60, lambda: str(one(mart, complete)))

    flagged = one(mart, complete)[3]
    assert 0 < flagged < SAMPLE_ROWS / 20


@pytest.mark.slow
def test_the_same_file_twice_adds_nothing(kafka: str, topics: TopicSettings, pipeline: Start, mart: Connection) -> None:
    """After the second time every row is as it was, order of arrival included."""
    everything = "select md5(string_agg(v::text, ',' order by transaction_id)), count(*) from scored_transactions v"
    scored = f"select sum(next_offset) from sink_offsets where topic = '{topics.transactions}'"  # noqa: S608
    ends = []
    for times in (1, 2):
        assert send(SAMPLE, kafka, topics.transactions).returncode == 0
        wait_for(lambda n=times: one(mart, scored)[0] == n * SAMPLE_ROWS, 60)
        wait_for(lambda n=times: len(read_all(kafka, topics.scores)) == n * SAMPLE_ROWS, 60)
        wait_for(lambda: one(mart, everything)[1] == SAMPLE_ROWS, 60)
        ends.append(one(mart, everything))

    assert ends[0] == ends[1]


def test_no_record_is_lost(kafka: str, topics: TopicSettings, pipeline: Start, mart: Connection) -> None:
    """Produced = scored + dead-lettered, counted by id in the topics and in the database."""
    good = [nested(f"good-{n}", amount=1 + n / 100) for n in range(5_000)]
    bad = [b"", b"{", b"[]", nested("bad", amount="much"), nested("bad", transaction_time="2019-02-30 00:00")] * 100
    mixed = [value for pair in zip(good[::10], bad, strict=True) for value in pair]
    others = [value for n, value in enumerate(good) if n % 10]
    produce(kafka, topics.transactions, mixed + others)
    produced = len(good) + len(bad)

    wait_for(lambda: len(read_all(kafka, topics.scores)) == len(good), 60)
    wait_for(lambda: one(mart, "select count(*) from scored_transactions where amount is not null")[0] == len(good), 60)

    scored = [message.key() for message in read_all(kafka, topics.scores)]
    letters = read_all(kafka, topics.dead_letters)
    assert len(scored) + len(letters) == produced == len(read_all(kafka, topics.transactions))
    assert set(scored) == {f"good-{n}".encode() for n in range(5_000)}
    assert sorted(message.value() or b"" for message in letters) == sorted(bad)
    assert one(mart, "select count(*) from sink_rejects") == (0,)
