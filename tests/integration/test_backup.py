"""A backup is taken and restored by the commands of the Makefile's targets, on a real PostgreSQL."""

import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from conftest import ROOT, database_env
from stack.servers import PostgresServer
from tests.support.backup import BACKUP, RESTORE
from tests.support.processes import wait_for

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

    stack(home, database, *BACKUP, f"--file={dump}", "fraud")
    mart.execute("delete from scores where fraud_flag = 1")
    mart.execute(fill, ["later-"])
    mart.execute("update sink_offsets set next_offset = 2001")
    stack(home, database, *RESTORE, str(dump))

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


HELD = """
    select relation::regclass::text from pg_locks join pg_stat_activity using (pid)
    where application_name = 'pg_restore' and wait_event_type = 'Lock' and mode = 'AccessExclusiveLock' and granted
        and relation in (select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace)
"""


@pytest.mark.slow
def test_in_a_deadlock_the_restore_wins(database: PostgresServer, mart: Connection, home: Path, tmp_path: Path) -> None:
    """A sink that holds one table and wants another, which the restore has, is the one that is ended."""
    dump = tmp_path / "fraud.dump"
    stack(home, database, *BACKUP, f"--file={dump}", "fraud")
    with psycopg.connect(database.conninfo) as sink, ThreadPoolExecutor(1) as thread:
        sink.execute("set deadlock_timeout = '4s'")  # later than the restore would by default, which would end itself
        sink.execute("lock table scores in row exclusive mode")
        restored = thread.submit(stack, home, database, *RESTORE, str(dump))
        wait_for(lambda: mart.execute(HELD).fetchall() != [], 30)
        table = str(mart.execute(HELD).fetchall()[0][0])
        with pytest.raises(psycopg.errors.DeadlockDetected):
            sink.execute(sql.SQL("lock table {} in row exclusive mode").format(sql.Identifier(table)))
        sink.rollback()
        restored.result(60)


def test_the_makefile_says_the_same(home: Path) -> None:
    """What this test runs is what `make backup` and `make restore` run."""
    for target, words in (("backup", BACKUP), ("restore", RESTORE)):
        printed = subprocess.run(
            ["make", "--dry-run", target, "FILE=x.dump", "PYTHON=python3"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        said = shlex.split(printed)
        assert tuple(said[said.index(words[0]) :][: len(words)]) == words
