"""One customer in PostgreSQL: finds, returns and deletes their rows.

Tables are found in the catalogue by a column `customer` or `transaction_id`, so that one added later is not forgotten.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from psycopg import sql
from psycopg.rows import dict_row

from services.common.contract.model import Contract
from services.common.database import Connection, session
from services.tools.customer.mentions import mentions

READ_AT_ONCE = 1_000

WITH_COLUMN = """
    select c.table_name from information_schema.columns c
    join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = current_schema() and c.column_name = %s and t.table_type = 'BASE TABLE'
    order by 1
"""
IDS = "select transaction_id from transactions where customer = %s order by event_time, transaction_id"
REJECTS = 'select cluster_id, topic, partition, "offset", key, value from sink_rejects'
DELETE_REJECT = 'delete from sink_rejects where cluster_id = %s and topic = %s and partition = %s and "offset" = %s'

Rows = list[dict[str, Any]]
RejectKey = tuple[str, str, int, int]


def tables_with(connection: Connection, column: str) -> list[str]:
    """Return the names of the tables that have a column of this name."""
    return [row[0] for row in connection.execute(WITH_COLUMN, [column])]


class Tables:
    """The rows of one customer, by a connection of the owner; one database transaction."""

    def __init__(self, connection: Connection, customer: str, contract: Contract) -> None:
        self._connection, self._contract = connection, contract
        self.customer = customer
        self.ids: list[str] = [row[0] for row in connection.execute(IDS, [customer])]

    @classmethod
    @contextmanager
    def open(cls, customer: str, contract: Contract) -> Iterator[Self]:
        """Connect to the database; deletions are committed when the block ends well.

        Raises:
            Retry, Stop: see session().
        """
        with session("fraud-customer", autocommit=False, statement_timeout=600_000, lock_timeout=10_000) as connection:
            yield cls(connection, customer, contract)

    def rows(self) -> dict[str, Rows]:
        """Return table -> the customer's rows in it."""
        found = {}
        with self._connection.cursor(row_factory=dict_row) as cursor:
            for table, condition, values in self._places():
                query = sql.SQL("select * from {} where {}").format(sql.Identifier(table), condition)
                found[table] = cursor.execute(query, [values]).fetchall()
        found["sink_rejects"] = [{"topic": t, "partition": p, "offset": o} for _, t, p, o in self._rejects()]
        return found

    def scored(self) -> Rows:
        """Return the customer's transactions with their scores, by event time: a flat table."""
        query = (
            "select transaction_id, event_time, amount, category, merchant, state, city, score, fraud_flag, scored_at"
            " from transactions left join scores using (transaction_id) where customer = %s order by event_time"
        )
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, [self.customer]).fetchall()

    def erase(self) -> dict[str, int]:
        """Delete the customer's rows; return table -> number of rows."""
        deleted = {}
        for table, condition, values in reversed(list(self._places())):
            query = sql.SQL("delete from {} where {}").format(sql.Identifier(table), condition)
            deleted[table] = self._connection.execute(query, [values]).rowcount
        rejects = self._rejects()
        with self._connection.cursor() as cursor:
            cursor.executemany(DELETE_REJECT, rejects)
        return deleted | {"sink_rejects": len(rejects)}

    def _places(self) -> Iterator[tuple[str, sql.Composable, Any]]:
        """Yield (table, condition, its value), tables with a column `customer` first."""
        named = tables_with(self._connection, "customer")
        for table in named:
            yield table, sql.SQL("customer = %s"), self.customer
        for table in tables_with(self._connection, "transaction_id"):
            if table not in named:
                yield table, sql.SQL("transaction_id = any(%s)"), self.ids

    def _rejects(self) -> list[RejectKey]:
        """Return the keys of the customer's records that the sink rejected."""
        ids, found = frozenset(self.ids), []
        with self._connection.cursor("rejects") as cursor:
            cursor.itersize = READ_AT_ONCE
            for *place, key, value in cursor.execute(REJECTS):
                if mentions(key, value, self.customer, ids, self._contract):
                    found.append((place[0], place[1], place[2], place[3]))
        return found
