"""Killed sinks, an unavailable database, lost answers: one effect a record, by the audit."""

import os
import subprocess
import threading
import time
from pathlib import Path
from random import Random

import psycopg
from confluent_kafka.admin import AdminClient

from stack.postgres import binary
from stack.servers import PostgresServer
from tests.faults.audit import Connection as Mart
from tests.faults.audit import applied_twice, install_audit
from tests.faults.pipeline import Pipeline
from tests.support.backup import BACKUP, RESTORE
from tests.support.processes import wait_for
from tests.support.proxy import Connection, Proxy


def rows_of_scores(mart: Mart) -> int:
    """Return how many scores are kept."""
    [(count,)] = mart.execute("select count(*) from scores").fetchall()
    return int(count)


def test_sinks_killed_before_and_after_the_commit(pipeline: Pipeline, long: bool) -> None:
    """Between COPY and COMMIT, and between COMMIT and what the group is told."""
    for step in ("copied", "committed"):
        pipeline.sinks.hire({"FAULTS_POINTS": f"{step}=kill@5-30"})
    pipeline.start(sinks=0)
    deaths = 10 if long else 2
    with pipeline.load():
        wait_for(
            lambda: all(len(member.exits) >= deaths for member in pipeline.sinks.members),
            200 * pipeline.slack,
            pipeline.text,
        )

    pipeline.check()


def test_backends_are_terminated(pipeline: Pipeline, long: bool) -> None:
    """pg_terminate_backend in the middle of batches."""
    pipeline.start(sinks=2)
    with pipeline.load(), pipeline.mart() as mart:
        for _ in range(50 if long else 10):
            pipeline.pause(0.2, 0.8)
            pipeline.inflict("pg_terminate_backend")
            mart.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'fraud-sink'")

    pipeline.check()


def test_the_database_is_killed_and_stays_away(pipeline: Pipeline, database: PostgresServer, long: bool) -> None:
    """kill -9 of PostgreSQL: the sink keeps its place in the group, rejects nothing, and catches up."""
    pipeline.start()
    before = members(pipeline)
    with pipeline.load():
        for seconds in (1, 120) if long else (1, 10):
            pipeline.inflict("kill -9 postgres")
            database.kill()
            time.sleep(seconds)
            database.start()
            pipeline.pause(1, 3)
        with pipeline.mart() as mart:
            kept = rows_of_scores(mart)
            wait_for(lambda: rows_of_scores(mart) > kept, 30 * pipeline.slack, pipeline.text)
        assert members(pipeline) == before, "the sink had to join its group again"

    pipeline.check()
    with pipeline.mart() as mart:
        assert mart.execute("select count(*) from sink_rejects").fetchone() == (0,)


def members(pipeline: Pipeline) -> set[str]:
    """Return the member ids of the sinks' group: who has to join again gets another one."""
    group = pipeline.group("sink")
    admin = AdminClient({"bootstrap.servers": pipeline.bootstrap})
    return {member.member_id for member in admin.describe_consumer_groups([group])[group].result(10).members}


def test_the_answer_to_a_commit_is_lost(pipeline: Pipeline, database: PostgresServer, long: bool) -> None:
    """The database has committed and the connection ends before it can say so: the offsets in it tell."""
    losses = LostAnswers(pipeline.random)
    with Proxy(database.port) as proxy:
        pipeline.sinks.hire({"PGPORT": str(proxy.port)})
        pipeline.start(sinks=0)
        with pipeline.load():
            proxy.on_request = losses.on_request
            wait_for(lambda: losses.lost >= (50 if long else 5), 120 * pipeline.slack, pipeline.text)
            proxy.on_request = lambda _, data: data
        pipeline.done["lost answer to COMMIT"] = losses.lost

        pipeline.check()


class LostAnswers:
    """Forwards a COMMIT, lets the database carry it out, and cuts the connection; not each time."""

    def __init__(self, random: Random) -> None:
        self.lost = 0
        self._random = random
        self._lock = threading.Lock()

    def on_request(self, connection: Connection, data: bytes) -> bytes:
        with self._lock:
            if b"COMMIT\0" not in data or self._random.random() < 0.5:
                return data
        connection.keeps_server = True  # so that no answer is passed on
        connection.server.sendall(data)
        time.sleep(0.2)
        connection.cut()
        self.lost += 1
        return b""


def test_two_sinks_forced_on_the_same_partitions(pipeline: Pipeline) -> None:
    """Neither asks the group: the guard of the offsets lets one of them write, and the other one read again."""
    for _ in range(2):
        pipeline.sinks.hire({"FAULTS_VARIANT": "assigned"})
    pipeline.start(sinks=0)
    with pipeline.load():
        pipeline.pause(pipeline.scale.seconds, pipeline.scale.seconds)

    pipeline.check()
    assert "another sink has moved the offsets" in pipeline.sinks.text
    assert set(pipeline.sinks.exits) == {0}


def test_rows_the_database_refuses(pipeline: Pipeline) -> None:
    """A constraint the sink knows nothing of: those rows alone are rejects, whatever batch they come in."""
    with pipeline.mart() as mart:
        mart.execute("alter table scores add constraint unlucky check (transaction_id not like '%13')")
    try:
        pipeline.start()
        with pipeline.load():
            pipeline.pause(pipeline.scale.seconds / 2, pipeline.scale.seconds / 2)
        findings = pipeline.check()
    finally:
        with pipeline.mart() as mart:
            mart.execute("alter table scores drop constraint unlucky")
    with pipeline.mart() as mart:
        rejects = mart.execute("select convert_from(key, 'UTF8') from sink_rejects").fetchall()
    assert len(rejects) >= findings.records // 100 - 1
    assert all(name.endswith("13") for (name,) in rejects)


def test_the_mart_is_emptied_and_filled_again_from_the_topics(pipeline: Pipeline) -> None:
    """Under load, its offsets with it: the sink reads everything from the beginning, without a restart."""
    pipeline.start(sinks=2)
    with pipeline.load(), pipeline.mart() as mart:
        pipeline.pause(2, 2)
        mart.execute("truncate scores, transactions, sink_offsets, sink_rejects, fault_audit")
        pipeline.inflict("mart emptied")
        pipeline.pause(2, 2)

    pipeline.check()
    assert set(pipeline.sinks.exits) == {0}


def test_an_old_backup_is_restored_under_load(pipeline: Pipeline, database: PostgresServer, tmp_path: Path) -> None:
    """Rows and offsets go back together, the audit with them: the sink reads again what came since."""
    dump = tmp_path / "fraud.dump"
    pipeline.start()
    with pipeline.load():
        pipeline.pause(1, 2)
        run_postgres(database, *BACKUP, f"--file={dump}", "fraud")
        pipeline.pause(2, 3)
        run_postgres(database, *RESTORE, str(dump))
        pipeline.inflict("backup restored")
        pipeline.pause(1, 2)

    pipeline.check()
    assert set(pipeline.sinks.exits) == {0}


def run_postgres(database: PostgresServer, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs as the owner, as `make backup` and `make restore` do."""
    own = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(database.port),
        "PGUSER": "fraud_owner",
        "PGPASSWORD": database.password,
    }
    subprocess.run([str(binary(program)), *arguments], env=os.environ | own, check=True)


def test_a_full_disk_is_waited_out(pipeline: Pipeline) -> None:
    """SQLSTATE 53100 (disk_full) is an outage, not the fault of a row: nothing is rejected, and it goes on after it."""
    full = "create function full_disk() returns trigger language plpgsql as $$ begin"
    with pipeline.mart() as mart:
        mart.execute(f"{full} raise exception using errcode = '53100', message = 'could not extend file'; end $$")
        pipeline.start()
        try:
            with pipeline.load():
                mart.execute(
                    "create trigger full_disk before insert on scores for each row execute function full_disk()"
                )
                pipeline.inflict("disk full")
                wait_for(lambda: "53100" in pipeline.sinks.text, 30 * pipeline.slack, pipeline.text)
                pipeline.pause(3, 3)
        finally:
            mart.execute("drop function full_disk cascade")

        pipeline.check()
        assert mart.execute("select count(*) from sink_rejects").fetchone() == (0,)


def test_the_audit_sees_what_a_primary_key_hides(mart: psycopg.Connection[tuple[object, ...]]) -> None:
    """The control of the audit: a record applied twice leaves one row in the table, and two in the audit."""
    install_audit(mart)
    insert = (
        "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
        " values ('a', 0.5, 0, now(), 3, 7) on conflict do nothing"
    )
    mart.execute(insert)
    assert applied_twice(mart, "scores") == []

    mart.execute(insert)

    assert mart.execute("select count(*) from scores").fetchone() == (1,)
    assert applied_twice(mart, "scores") == [("a", 3, 7, 2)]
