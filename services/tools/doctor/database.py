"""Checks of PostgreSQL: schema, rights, the sink's offsets, rejects, categories, clock."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.common.database import Connection
from services.common.reading.values import Spellings
from services.tools.doctor.finding import Finding, fail, ok, warn
from services.tools.doctor.kafka import Cluster

CLOCK_SECONDS = 2.0
MIGRATE = "python -m db.migrate (make up does it), or docker compose run --rm migrate"

READ_AND_MERGE = "select insert update"
RIGHTS = {
    "fraud_sink": {
        "scores": READ_AND_MERGE,
        "transactions": READ_AND_MERGE,
        "alerts": READ_AND_MERGE,
        "sink_offsets": READ_AND_MERGE,
        "sink_rejects": READ_AND_MERGE,
        "model_spans": READ_AND_MERGE,
        "shadow_tallies": READ_AND_MERGE,
    },
    "fraud_ui": {
        "scores": "select",
        "transactions": "select",
        "alerts": "select",
        "model_spans": "select",
        "shadow_tallies": "select",
        "scored_transactions": "select",
        "scores_with_models": "select",
        "backfill_runs": "select",
        "verdicts": "select insert(transaction_id,ordinal,verdict,comment,analyst,score,fraud_flag)",
        "case_locks": "select delete insert update(analyst,locked_until)",
        "blind_draws": "select insert(first_arrival,last_arrival,flagged,populations,probabilities)",
        "blind_samples": "select insert",
        "uploads": "select delete insert(upload_id,file_name,bytes,analyst)"
        " update(state,refusal,rows,refused,sent,scored,touched_at)",
        "upload_rows": "select insert(upload_id,chunk,ids) update(scored,counted_at)",
    },
}
"""Role -> table or view -> rights granted by the migrations, columns in brackets if not all. A test compares them
with a database."""

WANTING = """
    select wanted.role || ' may not ' || wanted.privilege || ' ' || wanted.table_name
        || coalesce('.' || wanted.column_name, '')
    from unnest(%s::text[], %s::text[], %s::text[], %s::text[])
        as wanted(role, table_name, privilege, column_name)
    left join pg_attribute a on a.attrelid = to_regclass(wanted.table_name) and a.attname = wanted.column_name
    where not case
        when wanted.column_name is null
        then has_table_privilege(wanted.role, to_regclass(wanted.table_name)::oid, wanted.privilege)
        else has_column_privilege(wanted.role, a.attrelid, a.attnum, wanted.privilege)
    end
"""
"""Rights on a table that does not exist are null, and not listed: check_schema() reports that."""


CATEGORIES_OF_LATEST = """
    select category, count(*), (array_agg(transaction_id order by arrival))[1]
    from (select transaction_id, arrival from scores order by arrival desc limit %s) as latest
    join transactions using (transaction_id)
    where category is not null
    group by category order by count(*) desc, category
"""
LATEST = 10_000
MAX_EXAMPLES = 5


class DatabaseChecks:
    """Checks by a connection of the owner."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def check_schema(self, migrations: Path) -> Iterator[Finding]:
        """Check that the migrations applied are those of this version."""
        ours = {path.name.split("_")[0] for path in migrations.glob("*.sql")}
        (there,) = self._row("select to_regclass('schema_migrations') is not null")
        applied = (
            {row[0] for row in self._connection.execute("select version from schema_migrations")} if there else set()
        )
        if missing := sorted(ours - applied):
            yield fail("schema", f"{len(missing)} of {len(ours)} migrations are missing, from {missing[0]} on", MIGRATE)
        elif unknown := sorted(applied - ours):
            text = f"the schema is newer than this version: {', '.join(unknown)}"
            yield warn("schema", text, "upgrade all services")
        else:
            yield ok("schema", f"{len(ours)} migrations applied")

    def check_rights(self) -> Iterator[Finding]:
        """Check that the services' roles exist and have their rights."""
        roles = {row[0] for row in self._connection.execute("select rolname from pg_roles where rolcanlogin")}
        if missing := [role for role in RIGHTS if role not in roles]:
            yield fail("rights", f"missing roles: {', '.join(missing)}", MIGRATE)
            return
        columns = [list(column) for column in zip(*wanted_rights(), strict=True)]
        if lacking := [row[0] for row in self._connection.execute(WANTING, columns)]:
            yield fail("rights", "; ".join(lacking), "grant it as the owner: db/migrations has the grants")
        else:
            yield ok("rights", f"{' and '.join(RIGHTS)} have the rights they need")

    def check_offsets(self, cluster: Cluster) -> Iterator[Finding]:
        """Check that the topics contain the offsets at which the sink continues."""
        rows = self._connection.execute(
            "select topic, partition, next_offset from sink_offsets where cluster_id = %s", [cluster.cluster_id]
        ).fetchall()
        wrong = False
        for topic, partition, next_offset in rows:
            place = (topic, partition)
            if place not in cluster.ends:
                continue
            if next_offset > cluster.ends[place]:
                wrong = True
                text = f"{topic}/{partition}: stored offset {next_offset} is past the end offset {cluster.ends[place]}"
                yield fail("offsets", f"{text}: the topic was recreated", _docs("delete from sink_offsets"))
            elif next_offset < cluster.lows[place]:
                wrong = True
                text = f"{topic}/{partition}: {next_offset} to {cluster.lows[place] - 1} expired before being stored"
                yield fail("offsets", text, _docs("update sink_offsets"))
        if not wrong:
            yield ok("offsets", f"the topics contain the sink's next offsets, in {len(rows)} partitions")

    def check_rejects(self) -> Iterator[Finding]:
        """Report how many records the sink has rejected."""
        (count,) = self._row("select count(*) from sink_rejects")
        if count:
            yield warn("rejects", f"{count:,} records in sink_rejects", _docs("select … from sink_rejects"))
        else:
            yield ok("rejects", "none in sink_rejects")

    def check_categories(self, known: Spellings) -> Iterator[Finding]:
        """Report categories of the latest transactions that the model does not know, with an example of each."""
        found = self._connection.execute(CATEGORIES_OF_LATEST, [LATEST]).fetchall()
        unknown = [row for row in found if known.find(row[0]) is None]
        if not unknown:
            yield ok("categories", f"the model knows all {len(found)} of the latest {LATEST:,} transactions")
            return
        examples = "; ".join(f"{name!r} in {count:,}, first {first}" for name, count, first in unknown[:MAX_EXAMPLES])
        text = f"{len(unknown)} unknown to the model in the latest {LATEST:,} transactions: {examples}"
        fix = "correct the producer's names, or train a model with them; they are scored as other"
        yield warn("categories", text, fix)

    def check_clock(self) -> Iterator[Finding]:
        """Check that the clocks of this machine and the database agree."""
        before = time.time()
        (there,) = self._row("select extract(epoch from clock_timestamp())::float8")
        apart = there - (before + time.time()) / 2
        if abs(apart) > CLOCK_SECONDS:
            yield warn("clock", f"the database's clock differs by {apart:+.1f} s", "synchronise both clocks by NTP")
        else:
            yield ok("clock", f"the database's clock differs by {apart:+.2f} s")

    def _row(self, query: str) -> Any:
        return self._connection.execute(query).fetchone()


def wanted_rights() -> list[tuple[str, str, str, str | None]]:
    """Return RIGHTS as (role, table, privilege, column); column None means the whole table."""
    return [
        (role, table, privilege, column or None)
        for role, tables in RIGHTS.items()
        for table, rights in tables.items()
        for privilege, columns in re.findall(r"(\w+)(?:\(([\w,]+)\))?", rights)
        for column in columns.split(",")
    ]


def _docs(statement: str) -> str:
    return f"docs/operations.md, '{statement} …'"
