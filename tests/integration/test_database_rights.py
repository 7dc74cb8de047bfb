"""Each role of the database may do its work and nothing else: the server refuses the rest."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from conftest import PASSWORDS
from stack.servers import PostgresServer
from ui.live.queries import latest_rows
from ui.review.case import read_case
from ui.review.verdicts import Verdict, read_verdicts, save_verdict

Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(params=["fraud_sink", "fraud_ui"])
def anyone(request: pytest.FixtureRequest, database: PostgresServer) -> Iterator[Connection]:
    """A connection of either service's role."""
    yield from connected(database, request.param)


@pytest.fixture
def sink(database: PostgresServer) -> Iterator[Connection]:
    yield from connected(database, "fraud_sink")


@pytest.fixture
def page(database: PostgresServer) -> Iterator[Connection]:
    yield from connected(database, "fraud_ui")


def connected(database: PostgresServer, role: str) -> Iterator[Connection]:
    login = {"user": role, "password": PASSWORDS[role]}
    with psycopg.connect(psycopg.conninfo.make_conninfo(database.conninfo, **login), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "delete from scores",
        "delete from transactions",
        "delete from alerts",
        "delete from sink_rejects",
        "truncate scores",
        "select * from verdicts",
        "insert into verdicts (transaction_id, ordinal, verdict, analyst, score, fraud_flag)"
        " values ('a', 1, 'fraud', 'forged', 0.5, 1)",
        "select * from uploads",
        "select * from upload_rows",
        "select * from schema_migrations",
    ],
)
def test_the_sink_writes_scores_and_nothing_else(sink: Connection, statement: str) -> None:
    """It deletes nothing, reads no verdict and gives none."""
    with pytest.raises(errors.InsufficientPrivilege):
        sink.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
        " values ('forged', 0.1, 0, now(), 0, 0)",
        "update scores set fraud_flag = 0",
        "delete from scores",
        "insert into alerts (transaction_id) values ('forged')",
        "update transactions set amount = 0",
        "delete from transactions",
        "update verdicts set verdict = 'false_alarm'",
        "delete from verdicts",
        "insert into verdicts (transaction_id, ordinal, verdict, analyst, score, fraud_flag, given_at)"
        " values ('a', 1, 'fraud', 'ada', 0.5, 1, '2001-01-01')",
        "select * from sink_offsets",
        "select * from sink_rejects",
        "update sink_offsets set next_offset = 0",
        "create temporary table t (a int)",
    ],
)
def test_the_page_reads_scores_and_changes_none(page: Connection, statement: str) -> None:
    """A page that was taken over can neither score nor undo a verdict, nor see rejected records."""
    with pytest.raises(errors.InsufficientPrivilege):
        page.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "create table t (a int)",
        "create schema s",
        "create role r",
        "create function f() returns int language sql as 'select 1'",
        "alter table scores add column a int",
        "drop table scores",
        "drop view scored_transactions",
        "grant fraud_owner to fraud_ui",
        "alter system set log_statement = 'all'",
        "set role fraud_owner",
        "select pg_read_file('/etc/passwd')",
        "select rolpassword from pg_authid",
        "copy scores to program 'cat'",
    ],
)
def test_only_the_owner_changes_the_schema(anyone: Connection, statement: str) -> None:
    """Nor do the roles of the services read files, run programs or see passwords."""
    with pytest.raises(errors.InsufficientPrivilege):
        anyone.execute(statement)


def test_a_statement_of_the_page_ends_by_itself(page: Connection) -> None:
    """By the role's own setting, whatever the client asks for or forgets."""
    assert page.execute("show statement_timeout").fetchone() == ("30s",)


def test_passwords_are_kept_as_scram_verifiers(mart: Connection) -> None:
    """The server never had the passwords themselves."""
    roles = mart.execute("select rolpassword from pg_authid where rolname in ('fraud_sink', 'fraud_ui')").fetchall()
    assert len(roles) == 2
    assert all(str(kept).startswith("SCRAM-SHA-256$") for (kept,) in roles)


def test_a_wrong_password_is_refused(database: PostgresServer) -> None:
    """Also from this very machine: nothing is trusted for where it comes from."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(database.conninfo, user="fraud_ui", password="guess")


@pytest.mark.parametrize("evil", ["'; drop table scores; --", "%' or '1'='1", "$1", "%s", "\\'; select 1", '"x"'])
def test_no_text_of_a_stranger_is_sql(mart: Connection, page: Connection, evil: str) -> None:
    """An id, a merchant's name, a comment, an analyst's name: each comes back letter for letter, and nothing else."""
    mart.execute("insert into scores values (%s, 0.9, 1, now(), 0, 0)", [evil])
    mart.execute(
        "insert into transactions values (%s, '2020-06-21 22:14', 9.5, %s, %s, 'TX', 'Y', %s, 0, 0)", [evil] * 4
    )
    assert save_verdict(page, evil, 0, Verdict.FRAUD, evil, evil)

    assert read_case(page, "no such id' or '1'='1") is None
    found = read_case(page, evil)
    assert found is not None
    assert (found.transaction.transaction_id, found.transaction.merchant, found.transaction.customer) == (
        evil,
        evil,
        evil,
    )
    assert [(one.comment, one.analyst) for one in read_verdicts(page, evil)] == [(evil, evil)]
    assert [row.transaction_id for row in latest_rows(page)] == [evil]
