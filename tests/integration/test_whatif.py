"""What the what-if reads from a real PostgreSQL, through the page's own role."""

import math
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from conftest import PASSWORDS
from stack.servers import PostgresServer
from ui.review.verdicts import Precision, Verdict, save_verdict
from ui.threshold import whatif

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def page(database: PostgresServer) -> Iterator[Connection]:
    """A connection of the page's own role."""
    login = {"user": "fraud_ui", "password": PASSWORDS["fraud_ui"]}
    with psycopg.connect(psycopg.conninfo.make_conninfo(database.conninfo, **login), autocommit=True) as connection:
        yield connection


def add(mart: Connection, transaction_id: str, score: float, time: str | None, customer: str | None = None) -> None:
    mart.execute(
        "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
        " values (%s, %s, %s, now(), 0, 0)",
        [transaction_id, score, int(score >= 0.41)],
    )
    mart.execute(
        "insert into transactions values (%s, %s, 25, 'home', 'fraud_X', 'TX', 'Y', %s, 0, 0)",
        [transaction_id, time, customer],
    )


def test_an_empty_mart_gives_a_basis_of_nothing(mart: Connection, page: Connection) -> None:
    """No transactions, no days, no verdicts: no division by any of them."""
    data = whatif.read_data(page)
    assert (len(data.latest.scores), data.latest.days, data.judged) == (0, 0, [])
    assert data.latest.effect(0.5) is None
    assert data.latest.threshold(10) == whatif.LOWEST


def test_the_latest_scores_that_matter_are_read_with_amount_customer_and_day(
    mart: Connection, page: Connection
) -> None:
    """From LOWEST on, the latest first; a customer who is not known is one for each transaction."""
    for number, (score, customer) in enumerate(
        [(0.5, "Z"), (whatif.LOWEST, None), (0.7, "Z"), (0.0009, "Z"), (1, None)]
    ):
        add(mart, f"p-{number}", score, "2020-06-21 22:14", customer)
    mart.execute(
        "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
        " values ('lonely', 0.3, 0, now(), 0, 0)"
    )
    latest = whatif.read_data(page).latest
    customers = latest.customers.tolist()
    found = dict(zip(latest.scores.tolist(), zip(latest.amounts.tolist(), customers, strict=True), strict=True))
    amounts = {score: None if math.isnan(amount) else amount for score, (amount, _) in found.items()}
    assert amounts == {0.3: None, 1: 25, 0.7: 25, whatif.LOWEST: 25, 0.5: 25}
    assert found[0.7][1] == found[0.5][1]
    assert sorted(set(customers)) == [0, 1, 2, 3]
    assert latest.days == 1
    assert sorted(whatif.read_data(page, latest=2).latest.scores.tolist()) == [0.3, 1]


def test_days_on_which_there_were_transactions_are_counted(mart: Connection, page: Connection) -> None:
    """A gap of a year between two files is no day with none; what has no time is on none."""
    for number, time in enumerate(
        ["2018-01-01 10:00", "2019-01-01 10:00", "2019-01-01 23:00", "2020-06-21 10:00", None]
    ):
        add(mart, f"p-{number}", 0.5, time)
    assert whatif.read_data(page).latest.days == 3
    assert whatif.read_data(page, latest=3).latest.days == 2


def test_verdicts_that_count_are_taken_with_the_score_that_was_judged(mart: Connection, page: Connection) -> None:
    """Returned transactions do not count, nor do those that were no alerts."""
    for name, score in (("a", 0.9), ("b", 0.5), ("c", 0.6), ("quiet", 0.1)):
        add(mart, name, score, None)
        assert save_verdict(page, name, 0, Verdict.FRAUD, "", "ada")
    assert save_verdict(page, "b", 1, Verdict.FALSE_ALARM, "", "ada")
    assert save_verdict(page, "c", 1, Verdict.RETURNED, "", "ada")
    mart.execute("update scores set score = 0.2 where transaction_id = 'a'")
    judged = whatif.read_data(page).judged
    assert sorted(judged) == [(0.5, False), (0.9, True)]
    assert whatif.confirmed(judged, 0.5) == Precision(1, 2)
    assert whatif.confirmed(judged, 0.51) == Precision(1, 1)
