"""What the what-if reads from a real PostgreSQL, through the page's own role."""

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


def add(mart: Connection, transaction_id: str, score: float, time: str | None) -> None:
    mart.execute(
        "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
        " values (%s, %s, %s, now(), 0, 0)",
        [transaction_id, score, int(score >= 0.41)],
    )
    mart.execute(
        "insert into transactions values (%s, %s, 1, 'home', 'fraud_X', 'TX', 'Y', null, 0, 0)", [transaction_id, time]
    )


def test_an_empty_mart_gives_a_basis_of_nothing(mart: Connection, page: Connection) -> None:
    """No transactions, no days, no verdicts: no division by any of them."""
    data = whatif.read_data(page)
    assert (data.stream.transactions, data.stream.per_day, data.judged) == (0, 0.0, [])
    assert whatif.stream_alerts(data.stream, 0.5, 100) is None


@pytest.mark.parametrize("hundredth", range(1, 100))
def test_a_score_on_a_threshold_reaches_it(mart: Connection, page: Connection, hundredth: int) -> None:
    """As in the scorer, score >= threshold: 0.29 * 100 is below 29 in floating point, and must not matter."""
    threshold = hundredth / 100
    add(mart, "on", threshold, "2020-06-21 10:00")
    add(mart, "below", max(0.0, threshold - 1e-9), "2020-06-21 10:00")
    stream = whatif.read_data(page).stream
    assert stream.reaching[hundredth - 1] == 1
    assert list(stream.reaching) == [sum(one >= t for one in (threshold, threshold - 1e-9)) for t in whatif.THRESHOLDS]


def test_the_latest_transactions_and_their_days_are_counted(mart: Connection, page: Connection) -> None:
    """Days on which there were transactions: a gap of a year between two files is no day with none."""
    for number, time in enumerate(
        ["2018-01-01 10:00", "2019-01-01 10:00", "2019-01-01 23:00", "2020-06-21 10:00", None]
    ):
        add(mart, f"p-{number}", 0.5, time)
    stream = whatif.read_data(page).stream
    assert (stream.transactions, stream.days) == (5, 3)
    latest = whatif.read_data(page, latest=3).stream
    assert (latest.transactions, latest.days, latest.per_day) == (3, 2, 1.5)


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
