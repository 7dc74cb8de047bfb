"""What the page reads from a real PostgreSQL."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from conftest import PASSWORDS
from stack.servers import PostgresServer
from ui import database as results
from ui.database import Database

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def reader(database: PostgresServer) -> Iterator[Connection]:
    """A connection of the page's own role."""
    login = {"user": "fraud_ui", "password": PASSWORDS["fraud_ui"]}
    with psycopg.connect(psycopg.conninfo.make_conninfo(database.conninfo, **login), autocommit=True) as connection:
        yield connection


def add(mart: Connection, *scores: float, threshold: float = 0.5) -> list[str]:
    """Insert scores in this order of arrival; return their ids."""
    ids = [str(uuid.uuid4()) for _ in scores]
    mart.cursor().executemany(
        "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
        " values (%s, %s, %s, now(), 0, 0)",
        [(key, score, int(score >= threshold)) for key, score in zip(ids, scores, strict=True)],
    )
    return ids


def test_the_latest_flagged_come_first(mart: Connection, reader: Connection) -> None:
    """Ten flagged transactions by arrival, the latest first, and none that is not flagged."""
    flagged = [key for _ in range(12) for key in add(mart, 0.9, 0.1)[:1]]
    assert [row.transaction_id for row in results.latest_flagged(reader)] == flagged[:1:-1]


def test_a_flagged_transaction_comes_with_the_number_of_its_customers_earlier_transactions(
    mart: Connection, reader: Connection
) -> None:
    """Earlier in event time, of the same customer; None if it is not known who pays."""
    customers = {
        "Z": ["2020-06-20 10:00", "2020-06-21 22:13", "2020-06-21 22:14", "2020-06-22 10:00"],
        "other": ["2020-06-01"],
    }
    for customer, times in customers.items():
        for earlier in times:
            mart.execute(
                "insert into transactions values (%s, %s, 1, 'home', 'fraud_X', 'TX', 'Y', %s, 0, 0)",
                [str(uuid.uuid4()), earlier, customer],
            )
    known, unknown = add(mart, 0.9, 0.8)
    for key, payer in ((known, "Z"), (unknown, None)):
        mart.execute(
            "insert into transactions values (%s, '2020-06-21 22:14', 1, 'home', 'fraud_X', 'TX', 'Y', %s, 0, 0)",
            [key, payer],
        )

    assert [row.earlier for row in results.latest_flagged(reader)] == [None, 2]


def test_a_flagged_transaction_comes_with_its_fields(mart: Connection, reader: Connection) -> None:
    """Time, amount, category, merchant and state; None for all of it while the message has not arrived."""
    known, unknown = add(mart, 0.9, 0.8)
    mart.execute(
        "insert into transactions"
        " values (%s, '2020-06-21 22:14', 995.7, 'shopping_net', 'fraud_X', 'TX', 'Y', 'Z', 0, 0)",
        [known],
    )
    second, first = results.latest_flagged(reader)
    assert (first.transaction_id, first.amount, first.category, first.merchant, first.state) == (
        known, 995.7, "shopping_net", "fraud_X", "TX",
    )  # fmt: skip
    assert first.event_time is not None
    assert first.event_time.isoformat() == "2020-06-21T22:14:00"
    assert (second.transaction_id, second.event_time, second.amount) == (unknown, None, None)


def test_the_latest_scores_are_a_hundred(mart: Connection, reader: Connection) -> None:
    """Flagged or not, the latest first; fewer if there are fewer."""
    add(mart, 0.25, 0.75)
    assert results.latest_scores(reader) == [0.75, 0.25]
    add(mart, *([0.5] * 99))
    assert results.latest_scores(reader) == [0.5] * 99 + [0.75]


def test_totals_count_scored_and_flagged(mart: Connection, reader: Connection) -> None:
    """Exact as long as counting is cheap; an empty mart is a total too."""
    assert results.totals(reader) == results.Totals(0, 0, exact=True)
    add(mart, 0.9, 0.1, 0.2)
    assert results.totals(reader) == results.Totals(3, 1, exact=True)


def test_a_large_total_is_an_estimate(mart: Connection, reader: Connection) -> None:
    """Above the limit PostgreSQL's own figure is told, and said to be one; the flagged are still counted."""
    add(mart, 0.9, 0.1, 0.2)
    mart.execute("analyze scores")
    add(mart, 0.8)
    assert results.totals(reader, count_exactly_below=3) == results.Totals(3, 2, exact=False)


def test_the_page_can_only_read(mart: Connection, reader: Connection) -> None:
    """The page's role cannot change what was scored."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("delete from scores")


def test_an_outage_shows_what_was_last_read(mart: Connection, database: PostgresServer) -> None:
    """While the database is unavailable the last answer stands; when it is back, so is the page."""
    add(mart, 0.9, 0.1)
    page = Database(database.conninfo)
    page.open()
    try:
        before = page.answer()
        assert before.fresh
        assert page.is_up()
        mart.close()
        database.stop()
        outage = page.answer()
        assert (outage.snapshot, outage.fresh) == (before.snapshot, False)
        assert not page.is_up()
        database.start()
        back = page.answer()
        assert back.fresh
        assert back.snapshot is not None
        assert back.snapshot.totals == results.Totals(2, 1, exact=True)
    finally:
        page.close()
        database.start()


def test_an_error_of_the_database_is_no_outage(mart: Connection, database: PostgresServer) -> None:
    """A missing table is told as what it is, and a statement that takes too long as an outage."""
    page = Database(database.conninfo)
    page.open()
    try:
        with pytest.raises(psycopg.errors.UndefinedTable):
            page.ask(lambda connection: connection.execute("select from no_such_table"))
        mart.execute("alter table scores rename to moved")
        with pytest.raises(psycopg.errors.UndefinedTable):
            page.answer()
        with pytest.raises(psycopg.errors.UndefinedTable):
            page.is_up()
        assert page.ask(lambda connection: connection.execute("select pg_sleep(20)")) is None
    finally:
        mart.execute("alter table if exists moved rename to scores")
        page.close()


def test_a_frozen_database_is_not_waited_for(database: PostgresServer) -> None:
    """A server that neither answers nor refuses is unavailable, and the page says so within seconds."""
    page = Database(database.conninfo)
    page.open()
    started = time.monotonic()
    try:
        with database.paused():
            assert page.answer() == results.Results(None, fresh=False)
        assert time.monotonic() - started < 10
    finally:
        page.close()


def test_a_database_that_never_answered_is_told() -> None:
    """No snapshot, not fresh, and within seconds."""
    page = Database("host=127.0.0.1 port=1 user=nobody")
    page.open()
    try:
        assert page.answer() == results.Results(None, fresh=False)
    finally:
        page.close()
