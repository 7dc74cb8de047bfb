"""The tables of a run, and the comparison in SQL."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from psycopg.rows import dict_row

from services.common.database import Connection
from services.common.kafka.scan import Range
from services.common.manifest import Manifest
from services.tools.backfill.score import Row
from services.tools.verdicts import OUTCOMES

COMPARE = """
    select count(*) as scored,
           count(s.score) as compared,
           count(*) filter (where b.fraud_flag = 1) as flagged,
           count(*) filter (where s.fraud_flag = 1) as flagged_live,
           count(*) filter (where b.fraud_flag > s.fraud_flag) as newly_flagged,
           count(*) filter (where b.fraud_flag < s.fraud_flag) as no_longer_flagged,
           coalesce(avg(b.score - s.score), 0) as mean_shift,
           coalesce(avg(abs(b.score - s.score)), 0) as mean_absolute_shift,
           coalesce(max(abs(b.score - s.score)), 0) as largest_shift
    from backfill_scores b left join scores s using (transaction_id)
    where b.run_id = %s
"""

JUDGE = """
    select count(*) as judged,
           count(*) filter (where fraud) as frauds,
           count(*) filter (where fraud and b.fraud_flag = 1) as caught,
           count(*) filter (where b.fraud_flag = 1) as flagged,
           count(*) filter (where fraud and s.fraud_flag = 1) as caught_live,
           count(*) filter (where s.fraud_flag = 1) as flagged_live
    from outcomes join backfill_scores b using (transaction_id) join scores s using (transaction_id)
    where b.run_id = %s
"""

VERDICTS = f"insert into outcomes {OUTCOMES}"


class Run:
    """A run in the database."""

    def __init__(self, connection: Connection, run_id: int) -> None:
        self._connection = connection
        self.run_id = run_id

    @classmethod
    def begin(cls, connection: Connection, manifest: Manifest, ranges: Mapping[int, Range]) -> Self:
        """Return a new run, by a connection in autocommit."""
        offsets = {partition: [part.first, part.end] for partition, part in ranges.items()}
        connection.execute("create temp table staged (transaction_id text, score float8, fraud_flag int2)")
        found = connection.execute(
            "insert into backfill_runs (model_version, model_sha256, threshold, ranges) values (%s, %s, %s, %s)"
            " returning run_id",
            (manifest.version, manifest.sha256, manifest.threshold, json.dumps(offsets)),
        ).fetchone()
        assert found is not None  # noqa: S101  # an insert that returns
        return cls(connection, int(found[0]))

    def store(self, rows: Sequence[Row]) -> None:
        """Store scores; of an id the last one."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            with cursor.copy("copy staged from stdin") as copy:
                for row in {row[0]: row for row in rows}.values():
                    copy.write_row(row)
            cursor.execute(
                "insert into backfill_scores select %s, * from staged on conflict (run_id, transaction_id)"
                " do update set score = excluded.score, fraud_flag = excluded.fraud_flag",
                (self.run_id,),
            )
            cursor.execute("truncate staged")

    def compare(self) -> dict[str, Any]:
        """Return the figures of COMPARE."""
        return self._ask(COMPARE)

    def judge(self, labels: Iterable[tuple[str, bool]] | None) -> dict[str, Any]:
        """Return the figures of JUDGE, by labels or by the analysts' last verdicts."""
        with self._connection.transaction(force_rollback=True), self._connection.cursor() as cursor:
            cursor.execute("create temp table outcomes (transaction_id text, fraud boolean) on commit drop")
            if labels is None:
                cursor.execute(VERDICTS)
            else:
                with cursor.copy("copy outcomes from stdin") as copy:
                    for label in labels:
                        copy.write_row(label)
            return self._ask(JUDGE)

    def end(self, report: Mapping[str, Any]) -> None:
        """Mark the run as complete, with its report."""
        self._connection.execute(
            "update backfill_runs set ended_at = now(), report = %s where run_id = %s",
            (json.dumps(report), self.run_id),
        )

    def _ask(self, query: str) -> dict[str, Any]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(query, (self.run_id,)).fetchone()
        assert found is not None  # noqa: S101  # an aggregate has a row
        return found
