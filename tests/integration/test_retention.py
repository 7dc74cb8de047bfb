"""Old rows are deleted while the sink goes on; by the command, on a real PostgreSQL."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest

from conftest import Start
from services.common.settings import TopicSettings
from services.tools.retention.delete import RetentionJob
from tests.support.processes import wait_for
from tests.support.topics import produce

Connection = psycopg.Connection[tuple[Any, ...]]

OLD, NEW = 12_000, 3_000


@pytest.fixture
def months(mart: Connection) -> Connection:
    """12,000 transactions of 40 days ago and 3,000 of today, one in 100 an alert with a verdict; 20 without a score."""
    fill = (
        "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
        " select %(name)s || n, 0.5, 0, now() - %(age)s::interval, 0, n from generate_series(1, %(rows)s) n"
    )
    context = (
        "insert into transactions (transaction_id, customer, src_partition, src_offset, kept_at)"
        " select %(name)s || n, 'Ann|Lee|1 Road', 0, n, now() - %(age)s::interval from generate_series(1, %(rows)s) n"
    )
    for name, age, rows in (("old-", "40 days", OLD), ("new-", "1 hour", NEW)):
        for query in (fill, context):
            mart.execute(query, {"name": name, "age": age, "rows": rows})
    for name, age in (("lost-old-", "40 days"), ("lost-new-", "1 hour")):
        mart.execute(context, {"name": name, "age": age, "rows": 10})
    mart.execute(
        "insert into alerts select transaction_id, '[]', '1', 0.5, scored_at, 0, 0"
        " from scores where src_offset % 100 = 0"
    )
    mart.execute(
        "insert into verdicts (transaction_id, ordinal, verdict, analyst, score, fraud_flag)"
        " select transaction_id, 1, 'fraud', 'kim', 0.5, 1 from alerts"
    )
    mart.execute("truncate uploads cascade")
    mart.execute(
        "insert into uploads (upload_id, file_name, bytes, analyst, touched_at) select gen_random_uuid(), 'a.csv', 1,"
        " 'kim', now() - age from unnest(array['40 days', '1 hour']::interval[]) age"
    )
    return mart


def counts(mart: Connection) -> dict[str, int]:
    found = {}
    for table in ("scores", "transactions", "alerts", "verdicts", "uploads"):
        ((found[table],),) = mart.execute(f"select count(*) from {table}").fetchall()  # noqa: S608
    return found


def test_old_rows_go_and_new_ones_stay(months: Connection, start: Start, owner: dict[str, str]) -> None:
    """A dry run counts them; verdicts stay; a transaction that was never scored goes by the time it was kept."""
    before = counts(months)
    dry = start("retention", "--days", "30", "--dry-run", **owner)
    assert dry.finish() == 0, dry.text()
    assert f"{OLD:>12,} rows of scores are older" in dry.text()
    assert f"{10:>12,} rows of transactions without a score are older" in dry.text()
    assert counts(months) == before

    job = start("retention", **owner, RETENTION_DAYS="30")
    assert job.finish() == 0, job.text()

    assert counts(months) == {
        "scores": NEW, "transactions": NEW + 10, "alerts": NEW // 100, "verdicts": (OLD + NEW) // 100, "uploads": 1,
    }  # fmt: skip
    assert months.execute("select count(*) from transactions where transaction_id like 'old%'").fetchone() == (0,)
    again = start("retention", **owner, RETENTION_DAYS="30")
    assert again.finish() == 0
    assert "0 rows of sink_rejects deleted" in again.text()


def test_nothing_is_deleted_unless_days_are_set(months: Connection, start: Start, owner: dict[str, str]) -> None:
    """The default keeps everything."""
    before = counts(months)
    job = start("retention", **owner)

    assert job.finish() == 0
    assert "nothing is deleted" in job.text()
    assert counts(months) == before


@pytest.mark.slow
def test_the_sink_goes_on_and_what_it_scores_anew_stays(
    months: Connection, kafka: str, topics: TopicSettings, start: Start, owner: dict[str, str]
) -> None:
    """Both work on the same rows at the same time; neither fails, and every row is as it should be afterwards."""
    rescored = [f"old-{number}" for number in range(1, OLD, 3)]
    sink = start("sink", SINK_BATCH_MAX_MESSAGES="500").wait_ready()
    scores = [orjson.dumps({"transaction_id": name, "score": 0.9, "fraud_flag": 1}) for name in rescored]
    produce(kafka, topics.scores, scores)
    job = start("retention", **owner, RETENTION_DAYS="30")
    assert job.finish() == 0, job.text()
    offsets = "select coalesce(sum(next_offset), 0)::int8 from sink_offsets where topic = %s"
    wait_for(lambda: months.execute(offsets, [topics.scores]).fetchone() == (len(rescored),), 60, sink.text)

    assert months.execute("select count(*) from scores where transaction_id like 'new%'").fetchone() == (NEW,)
    kept = months.execute("select count(*), min(score) from scores where transaction_id like 'old%'").fetchone()
    assert kept == (len(rescored), 0.9)
    assert sink.terminate() == 0


def test_rows_that_were_scored_anew_stop_nothing(mart: Connection) -> None:
    """They keep their place among the oldest: whole batches of them are passed over, up to the old rows behind."""
    mart.execute(
        "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
        " select 'p' || n, 0.5, 0, now() - interval '40 days', 0, n from generate_series(1, 20) n"
    )
    mart.execute("update scores set scored_at = now() where src_offset between 1 and 4 or src_offset between 9 and 16")

    deleted = Counter[str]()
    for batch in RetentionJob(mart, datetime.now(UTC) - timedelta(days=30), batch_rows=2).delete(sleep=lambda _: None):
        deleted.update(dict(batch))

    assert deleted["scores"] == 8
    left = mart.execute("select array_agg(src_offset order by src_offset) from scores").fetchone()
    assert left == ([1, 2, 3, 4, *range(9, 17)],)


def test_the_hot_tables_are_vacuumed_little_and_often(mart: Connection) -> None:
    """A table of months is not left until a fifth of it is dead."""
    told = mart.execute(
        "select relname, reloptions from pg_class where relname in ('scores', 'transactions')"
    ).fetchall()
    for _, options in told:
        assert "autovacuum_vacuum_scale_factor=0.01" in options
