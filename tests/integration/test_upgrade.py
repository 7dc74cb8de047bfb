"""An installation from before there were contracts goes on with this version.

Its history was written by the code of that time (see tests/unit/scorer/history/test_upgrade.py); its mart has the
schema of that time, and a million rows.
"""

import base64
import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from conftest import PASSWORDS, ROOT, Start
from services.common.kafka.closing import close
from services.common.settings import TopicSettings
from services.scorer.models.load import load_model
from stack.postgres import database_url
from stack.servers import PostgresServer
from tests.support.messages import nested
from tests.support.topics import read_all

LAST_MIGRATION = "20261125000900"
ROWS = 1_000_000
SCORED = 1_000
"""Transactions that were scored and stored before; they are in the topics still."""

PARTITION = 2
WRITTEN = orjson.loads(
    gzip.decompress((ROOT / "tests/unit/scorer/history/before_contracts.json.gz").read_bytes())
)  # fmt: skip


@pytest.mark.slow
def test_nothing_is_scored_twice_and_no_history_is_lost(
    kafka: str, topics: TopicSettings, database: PostgresServer, start: Start, tmp_path: Path
) -> None:
    """The next transactions get the scores of their whole past; the million rows stay as they are."""
    mart = make_mart(database, tmp_path)
    with psycopg.connect(mart, autocommit=True) as connection:
        fill_mart(connection, kafka, topics)
        before = contents(connection)
    fill_topics(kafka, topics)

    migrate(ROOT, database)
    scorer = start("scorer", "--until-empty")
    assert scorer.finish() == 0, scorer.text()
    sink = start("sink", "--until-empty", PGDATABASE="upgraded")
    assert sink.finish() == 0, sink.text()

    model = load_model(ROOT / "onnx")
    expected = model.score(np.array(WRITTEN["features"], np.float32))
    scored = [orjson.loads(message.value() or b"") for message in read_all(kafka, topics.scores)]
    new = {score["transaction_id"]: score["score"] for score in scored if score["transaction_id"].startswith("next-")}
    assert len(scored) == SCORED + len(expected)
    assert new == pytest.approx({f"next-{number}": score for number, score in enumerate(expected.tolist())}, abs=1e-6)
    with psycopg.connect(mart) as connection:
        stored = connection.execute("select transaction_id from scores where arrival > %s", [ROWS]).fetchall()
        assert {row[0] for row in stored} == new.keys()
        assert contents(connection) == before


def make_mart(server: PostgresServer, folder: Path) -> str:
    """Create a database with the schema of that time; return the owner's connection string."""
    with psycopg.connect(server.conninfo, autocommit=True) as owner:
        owner.execute("drop database if exists upgraded")
        owner.execute("create database upgraded")
    old = folder / "old"
    for name in ("db", "services/common"):
        shutil.copytree(ROOT / name, old / name)
    for path in (old / "db/migrations").glob("*.sql"):
        if path.name[: len(LAST_MIGRATION)] > LAST_MIGRATION:
            path.unlink()
    migrate(old, server)
    return psycopg.conninfo.make_conninfo(server.conninfo, dbname="upgraded")


def migrate(project: Path, server: PostgresServer) -> None:
    passwords = {f"{role.upper()}_PASSWORD": password for role, password in PASSWORDS.items()}
    url = database_url(server.port).replace("/fraud?", "/upgraded?")
    env = os.environ | passwords | {"DATABASE_URL": url, "PGPASSWORD": server.password}
    subprocess.run([sys.executable, "-m", "db.migrate"], cwd=project, env=env, check=True, capture_output=True)


def fill_mart(mart: "psycopg.Connection[Any]", kafka: str, topics: TopicSettings) -> None:
    """Store rows as it did then, and that the sink has read what the topics hold of them."""
    mart.execute(
        """
        insert into transactions (transaction_id, event_time, amount, category, customer, src_partition, src_offset)
        select 'old-' || n, timestamp '2020-01-01' + n * interval '1 second', n %% 900, 'home', 'c' || n %% 5000, %s, n
        from generate_series(1, %s) n
        """,
        [PARTITION, ROWS],
    )
    mart.execute(
        """
        insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)
        select 'old-' || n, (n %% 997) / 1000.0, (n %% 100 = 0)::int, timestamptz '2020-01-01Z', %s, n
        from generate_series(1, %s) n order by n
        """,
        [PARTITION, ROWS],
    )
    mart.execute(
        "insert into model_spans (span, partition, first_offset, model_version, model_sha256, threshold, began_at,"
        " src_partition, src_offset) values ('2/0', 2, 0, 'old', 'x', 0.41, now(), 0, 0)"
    )
    admin: Any = AdminClient({"bootstrap.servers": kafka, "allow.auto.create.topics": False})
    cluster = admin.describe_cluster().result().cluster_id
    for topic in (topics.transactions, topics.scores):
        mart.execute("insert into sink_offsets values (%s, %s, %s, %s)", [cluster, topic, PARTITION, SCORED])


def fill_topics(kafka: str, topics: TopicSettings) -> None:
    """Write what was scored then, its history, what the scorer's group has read, and the next transactions."""
    producer = Producer({"bootstrap.servers": kafka, "allow.auto.create.topics": False, "enable.idempotence": True})
    for number in range(SCORED):
        name = f"before-{number}"
        score = orjson.dumps({"transaction_id": name, "score": 0.25, "fraud_flag": 0})
        producer.produce(topics.transactions, nested(name), b"Ada", PARTITION)
        producer.produce(topics.scores, score, name.encode(), PARTITION)
    for key, value in WRITTEN["records"]:
        producer.produce(topics.history, base64.b64decode(value), base64.b64decode(key), PARTITION)
    for number, (customer, message) in enumerate(WRITTEN["messages"]):
        value = orjson.dumps(message | {"transaction_id": f"next-{number}"})
        producer.produce(topics.transactions, value, customer.encode(), PARTITION)
    assert producer.flush(30) == 0
    group = Consumer(
        {
            "bootstrap.servers": kafka,
            "allow.auto.create.topics": False,
            "group.id": f"scorer-{topics.transactions}",
            "enable.auto.commit": False,
        }
    )
    group.commit(offsets=[TopicPartition(topics.transactions, PARTITION, SCORED)], asynchronous=False)
    close(group)


def contents(mart: "psycopg.Connection[Any]") -> list[tuple[Any, ...]]:
    """Return a digest of the rows of that time."""
    query = """
        select count(*), sum(hashtext(s::text)::bigint), sum(hashtext(t::text)::bigint)
        from scores s join transactions t using (transaction_id) where transaction_id like 'old-%'
    """
    return mart.execute(query).fetchall()
