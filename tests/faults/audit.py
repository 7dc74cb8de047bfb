"""An append-only record of every row that was ever handed to the mart, in the same database transactions.

A trigger before the insert fires for each row a statement proposes, also for one that then meets its own primary key
and changes nothing: so a row applied twice shows, whatever hides it in the table.
"""

from typing import Any

import psycopg

AUDITED = ("scores", "transactions", "alerts")

INSTALL = """
drop table if exists fault_audit;
create table fault_audit (
    about text not null,
    transaction_id text not null,
    src_partition integer not null,
    src_offset bigint not null
);
create or replace function fault_audit_note() returns trigger language plpgsql security definer as $$
begin
    insert into fault_audit values (tg_table_name, new.transaction_id, new.src_partition, new.src_offset);
    return new;
end $$;
"""

Connection = psycopg.Connection[Any]


def install_audit(connection: Connection) -> None:
    """Install the triggers, the audit empty."""
    connection.execute(INSTALL)
    for table in AUDITED:
        connection.execute(
            f"create or replace trigger fault_audit before insert on {table}"
            " for each row execute function fault_audit_note()"
        )


def remove_audit(connection: Connection) -> None:
    """Leave the mart as it was."""
    connection.execute("drop function if exists fault_audit_note() cascade")
    connection.execute("drop table if exists fault_audit")


def applied_twice(connection: Connection, table: str) -> list[tuple[str, int, int, int]]:
    """Return (id, partition, offset, times) of the records that were applied more than once."""
    return connection.execute(
        "select transaction_id, src_partition, src_offset, count(*) from fault_audit where about = %s"
        " group by 1, 2, 3 having count(*) > 1",
        (table,),
    ).fetchall()


def applied_places(connection: Connection, table: str) -> set[tuple[int, int]]:
    """Return (partition, offset) of every record that was applied to a table."""
    return set(
        connection.execute("select src_partition, src_offset from fault_audit where about = %s", (table,)).fetchall()
    )
