"""The tables that the sink fills, and the SQL that moves rows into them."""

from collections.abc import Iterable
from dataclasses import dataclass

from psycopg import sql


@dataclass(frozen=True, slots=True)
class Table:
    """A table, how rows get into it, and when an existing row changes. Its first column is its key.

    Attributes:
        content: a row changes if one of these columns does.
        time: the column with Kafka's time of the record, if there is one: the newer of two records has the later time.
        order: a column that numbers the rows as they are written, if there is one; a changed row gets a new number.
    """

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    content: tuple[str, ...]
    order: str | None = None

    @property
    def staging(self) -> str:
        """Name of the temporary table that COPY writes to."""
        return f"staged_{self.name}"

    def create_staging(self) -> sql.Composed:
        """Return the statement that creates the staging table of a connection."""
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in zip(self.columns, self.types, strict=True)
        )
        return sql.SQL("create temp table if not exists {} ({}) on commit delete rows").format(
            sql.Identifier(self.staging), columns
        )

    def clear_staging(self) -> sql.Composed:
        """Return the statement that empties the staging table before the end of the database transaction."""
        return sql.SQL("delete from {}").format(sql.Identifier(self.staging))

    def copy(self) -> sql.Composed:
        """Return the COPY into the table itself; it fails on an existing key."""
        return self._copy(self.name)

    def copy_to_staging(self) -> sql.Composed:
        """Return the COPY into the staging table."""
        return self._copy(self.staging)

    def _copy(self, to: str) -> sql.Composed:
        columns = _identifiers(self.columns)
        return sql.SQL("copy {} ({}) from stdin (format binary)").format(sql.Identifier(to), columns)

    def merge(self) -> sql.Composed:
        """Return the statement that moves the staged rows over and counts new rows and changed ones.

        What is read last wins, whatever its offset: a topic is read in its order, and the offsets of one that was
        recreated begin again. A row whose content stays the same is not touched, so that reading a file twice leaves
        every row as it was.
        """
        return sql.SQL(
            """
            with written as (
                insert into {table} as kept ({columns}) select {columns} from {staging} {in_order}
                on conflict ({key}) do update set ({changed}) = row({new}) {renumbered}
                where row({kept}) is distinct from row({content})
                returning old.{key} is not null as changed
            )
            select count(*), count(*) filter (where changed) from written
            """
        ).format(
            table=sql.Identifier(self.name),
            key=sql.Identifier(self.columns[0]),
            columns=_identifiers(self.columns),
            staging=sql.Identifier(self.staging),
            in_order=sql.SQL("order by src_offset" if self.order else ""),
            changed=_identifiers(self.columns[1:]),
            new=_identifiers(self.columns[1:], "excluded"),
            renumbered=sql.SQL(", {} = default").format(sql.Identifier(self.order)) if self.order else sql.SQL(""),
            kept=_identifiers(self.content, "kept"),
            content=_identifiers(self.content, "excluded"),
        )


SCORES = Table(
    "scores",
    ("transaction_id", "score", "fraud_flag", "scored_at", "src_partition", "src_offset"),
    ("text", "float8", "int2", "timestamptz", "int4", "int8"),
    content=("score", "fraud_flag"),
)
TRANSACTIONS = Table(
    "transactions",
    ("transaction_id", "event_time", "amount", "category", "merchant", "state", "city", "customer", "src_partition",
     "src_offset"),
    ("text", "timestamp", "float8", "text", "text", "text", "text", "text", "int4", "int8"),
    # The place too: it is that of the newest message, which tells the model of the newest score.
    content=("event_time", "amount", "category", "merchant", "state", "city", "customer", "src_partition",
             "src_offset"),
)  # fmt: skip
SPANS = Table(
    "model_spans",
    ("span", "partition", "first_offset", "model_version", "model_sha256", "threshold", "began_at", "src_partition",
     "src_offset"),
    ("text", "int4", "int8", "text", "text", "float8", "timestamptz", "int4", "int8"),
    content=("model_version", "model_sha256", "threshold", "began_at", "src_offset"),
    order="told",
)  # fmt: skip
TALLIES = Table(
    "shadow_tallies",
    ("tally", "model_version", "shadow_version", "scored", "skipped", "both_flagged", "only_model", "only_shadow",
     "shift", "absolute_shift", "largest_shift", "cpu_seconds", "told_at", "src_partition", "src_offset"),
    ("text", "text", "text", "int8", "int8", "int8", "int8", "int8", "float8", "float8", "float8", "float8",
     "timestamptz", "int4", "int8"),
    content=("src_offset",),
)  # fmt: skip
ALERTS = Table(
    "alerts",
    ("transaction_id", "reasons", "model_version", "threshold", "alerted_at", "src_partition", "src_offset"),
    ("text", "jsonb", "text", "float8", "timestamptz", "int4", "int8"),
    content=("reasons", "model_version", "threshold"),
)

TABLES = (SCORES, TRANSACTIONS, ALERTS, SPANS, TALLIES)


def _identifiers(names: Iterable[str], table: str | None = None) -> sql.Composed:
    qualified = (sql.Identifier(table, name) if table else sql.Identifier(name) for name in names)
    return sql.SQL(", ").join(qualified)
