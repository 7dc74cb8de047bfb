"""Two models beside each other on one Kafka and one PostgreSQL: cards, and loans that `make adopt` took in."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from conftest import PASSWORDS, ROOT, Start, database_env
from services.common.settings import KafkaSettings, TopicSettings
from services.topics.__main__ import make_topics
from stack.postgres import database_url
from stack.servers import PostgresServer
from tests.support.families import loans

LOANS = TopicSettings(
    transactions="loans", scores="loans.scores", alerts="loans.alerts", dead_letters="loans.dlq",
    history="loans.history", models="loans.models",
)  # fmt: skip


@pytest.mark.slow
def test_an_adopted_model_runs_beside_the_cards(
    kafka: str,
    topics: TopicSettings,
    database: PostgresServer,
    mart: "psycopg.Connection[tuple[object, ...]]",
    start: Start,
    tmp_path: Path,
) -> None:
    """From model.onnx and rows.csv to scores in a database of its own; neither sees anything of the other."""
    onnx_file, sample, predictions = loans.write(tmp_path)
    run("services.tools.adopt", str(onnx_file), str(sample), str(tmp_path / "loans"))
    make_topics(KafkaSettings(bootstrap_servers=kafka), LOANS)
    second = make_second_database(database)
    own = {f"TOPIC_{name.upper()}": value for name, value in LOANS if isinstance(value, str)}
    own |= {"SCORER_MODEL_DIR": str(tmp_path / "loans"), "SCORER_GROUP_ID": "loans-scorer"}
    own |= {"SINK_GROUP_ID": "loans-sink", "PGDATABASE": "loans"}

    reader = database_env(database, "fraud_ui")  # the file has ids of its own: whether they are taken is asked there
    run("services.sender", str(sample), KAFKA_BOOTSTRAP_SERVERS=kafka, **reader | own)
    cards = ROOT / "services" / "simulator" / "sample.csv"
    run("services.sender", str(cards), KAFKA_BOOTSTRAP_SERVERS=kafka, TOPIC_TRANSACTIONS=topics.transactions)
    started = [start("scorer", "--until-empty", **env) for env in (own, {})]
    assert [scorer.finish() for scorer in started] == [0, 0], "".join(one.text() for one in started)
    assert [start("sink", "--until-empty", **env).finish() for env in (own, {})] == [0, 0]

    with psycopg.connect(second) as connection:
        scores: dict[str, float] = dict(connection.execute("select transaction_id, score from scores").fetchall())
        rows = connection.execute("select count(*), count(event_time), count(customer) from transactions").fetchone()
    assert rows == (len(predictions), 0, 0)
    assert scores == pytest.approx({f"L{row}": score for row, score in enumerate(predictions)}, abs=1e-5)
    assert mart.execute("select count(*) from scores").fetchone() == (2_000,)
    assert mart.execute("select count(*) from scores where transaction_id like 'L%%'").fetchone() == (0,)


def make_second_database(server: PostgresServer) -> str:
    """Create the database `loans` of a server and migrate it; return the owner's connection string."""
    with psycopg.connect(server.conninfo, autocommit=True) as owner:
        owner.execute("drop database if exists loans")
        owner.execute("create database loans")
    passwords = {f"{role.upper()}_PASSWORD": password for role, password in PASSWORDS.items()}
    url = database_url(server.port).replace("/fraud?", "/loans?")
    run("db.migrate", DATABASE_URL=url, PGPASSWORD=server.password, **passwords)
    return psycopg.conninfo.make_conninfo(server.conninfo, dbname="loans")


def run(module: str, *arguments: str, **env: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, env=os.environ | env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
