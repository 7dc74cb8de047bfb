"""A backup is taken and restored by the commands of the Makefile's targets, on a real PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest import ROOT, database_env
from stack.servers import PostgresServer

Connection = psycopg.Connection[tuple[Any, ...]]

ROWS = "select * from scores order by 1"


def stack(home: Path, server: PostgresServer, *arguments: str) -> None:
    """Run `python -m stack` for a stack whose database is the test's."""
    env = os.environ | {"STACK_HOME": str(home), "POSTGRES_PORT": str(server.port)}
    done = subprocess.run(
        [sys.executable, "-m", "stack", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def home(database: PostgresServer, tmp_path: Path) -> Path:
    """The folder of a stack with the database's passwords."""
    names = ("POSTGRES_PASSWORD", "FRAUD_SINK_PASSWORD", "FRAUD_UI_PASSWORD")
    (tmp_path / "passwords").write_text("".join(f"{name}={database.password}\n" for name in names))
    return tmp_path


def test_a_backup_brings_back_what_was_there(
    database: PostgresServer, mart: Connection, home: Path, tmp_path: Path
) -> None:
    """Rows, offsets, rights and order of arrival; what came after the backup is gone."""
    fill = (
        "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
        " select %s || n, 0.5, n %% 2, now(), 0, n from generate_series(1, 1000) n"
    )
    mart.execute(fill, ["kept-"])
    mart.execute("insert into sink_offsets values ('cluster', 'scores', 0, 1001)")
    before = mart.execute(ROWS).fetchall()
    dump = tmp_path / "fraud.dump"

    stack(home, database, "pg_dump", "--format=custom", f"--file={dump}", "fraud")
    mart.execute("delete from scores where fraud_flag = 1")
    mart.execute(fill, ["later-"])
    mart.execute("update sink_offsets set next_offset = 2001")
    stack(home, database, "pg_restore", "--clean", "--if-exists", "--single-transaction", "--dbname=fraud", str(dump))

    assert mart.execute(ROWS).fetchall() == before
    assert mart.execute("select next_offset from sink_offsets").fetchall() == [(1001,)]
    mart.execute(fill, ["next-"])
    assert mart.execute("select count(distinct arrival), max(arrival) > 1000 from scores").fetchone() == (2000, True)
    sink = database_env(database, "fraud_sink")
    with psycopg.connect(
        host=sink["PGHOST"], port=sink["PGPORT"], dbname="fraud", user="fraud_sink", password=sink["PGPASSWORD"]
    ) as connection:
        connection.execute("update sink_offsets set next_offset = next_offset")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from scores")


def test_the_makefile_says_the_same(home: Path) -> None:
    """What this test runs is what `make backup` and `make restore` run."""
    for target, words in (("backup", "pg_dump --format=custom --file="), ("restore", "pg_restore --clean --if-exists")):
        said = subprocess.run(
            ["make", "--dry-run", target, "FILE=x.dump", "PYTHON=python3"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert words in said
