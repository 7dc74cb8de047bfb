"""Cases and verdicts in a real PostgreSQL, through the page's own role."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from conftest import PASSWORDS
from stack.servers import PostgresServer
from ui.review.case import Alert, AlertReason, read_case
from ui.review.queue import CaseQueue, QueueOrder
from ui.review.verdicts import Precision, Verdict, read_precision, read_verdicts, save_verdict

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def page(database: PostgresServer) -> Iterator[Connection]:
    """A connection of the page's own role."""
    login = {"user": "fraud_ui", "password": PASSWORDS["fraud_ui"]}
    with psycopg.connect(psycopg.conninfo.make_conninfo(database.conninfo, **login), autocommit=True) as connection:
        yield connection


def add(
    mart: Connection, transaction_id: str, score: float = 0.9, *, amount: float = 10.0, time: str = "2020-06-21 22:14",
    customer: str | None = "Ada|Example|1 Test Lane",
) -> None:  # fmt: skip
    """Insert a scored transaction."""
    mart.execute(
        "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
        " values (%s, %s, %s, now(), 0, 0)",
        [transaction_id, score, int(score >= 0.5)],
    )
    mart.execute(
        "insert into transactions values (%s, %s, %s, 'misc_net', 'fraud_X', 'TX', 'Y', %s, 0, 0)",
        [transaction_id, time, amount, customer],
    )


def test_a_verdict_is_stored_with_analyst_time_and_score(mart: Connection, page: Connection) -> None:
    """The score is copied, for the transaction may be scored again; the time is the database's."""
    add(mart, "p-1", 0.75)
    assert save_verdict(page, "p-1", 0, Verdict.FRAUD, "card stolen", "ada")
    (given,) = read_verdicts(page, "p-1")
    assert (given.ordinal, given.verdict, given.comment, given.analyst) == (1, "fraud", "card stolen", "ada")
    found = mart.execute("select score, fraud_flag, abs(extract(epoch from now() - given_at)) < 60 from verdicts")
    assert found.fetchone() == (0.75, 1, True)


def test_the_last_verdict_counts_and_all_are_stored(mart: Connection, page: Connection) -> None:
    """Changing one's mind adds a verdict; returning the transaction puts it back into the queue."""
    add(mart, "p-1")
    assert save_verdict(page, "p-1", 0, Verdict.FRAUD, "", "ada")
    assert read_precision(page, 100) == Precision(1, 1)
    assert CaseQueue().read(page, QueueOrder.LATEST, 10, "ada").head == []
    assert save_verdict(page, "p-1", 1, Verdict.FALSE_ALARM, "", "bob")
    assert read_precision(page, 100) == Precision(0, 1)
    assert save_verdict(page, "p-1", 2, Verdict.RETURNED, "not sure", "ada")
    assert read_precision(page, 100) == Precision(0, 0)
    assert [row.transaction_id for row in CaseQueue().read(page, QueueOrder.LATEST, 10, "ada").head] == ["p-1"]
    assert [one.verdict for one in read_verdicts(page, "p-1")] == ["fraud", "false_alarm", "returned"]


def test_of_two_verdicts_at_the_same_time_one_is_refused(mart: Connection, page: Connection) -> None:
    """A verdict is on what was seen; a double click stores one."""
    add(mart, "p-1")
    assert save_verdict(page, "p-1", 0, Verdict.FRAUD, "", "ada")
    assert not save_verdict(page, "p-1", 0, Verdict.FALSE_ALARM, "", "bob")
    assert [one.analyst for one in read_verdicts(page, "p-1")] == ["ada"]


def test_only_scored_transactions_get_verdicts(mart: Connection, page: Connection) -> None:
    """An id from nowhere leaves no verdict."""
    assert not save_verdict(page, "nowhere", 0, Verdict.FRAUD, "", "ada")
    assert read_verdicts(page, "nowhere") == []


@pytest.mark.parametrize(
    "statement",
    [
        "update verdicts set verdict = 'false_alarm'",
        "update verdicts set comment = 'x' where false",
        "delete from verdicts",
        "truncate verdicts",
        "insert into verdicts (transaction_id, ordinal, verdict, analyst, score, fraud_flag, given_at)"
        " values ('p-1', 9, 'fraud', 'eve', 1, 1, '2020-01-01')",
        "insert into verdicts (id, transaction_id, ordinal, verdict, analyst, score, fraud_flag)"
        " overriding system value values (1, 'p-1', 9, 'fraud', 'eve', 1, 1)",
        "insert into alerts values ('p-1', '[]', 'v', 0.5, now(), 0, 0)",
        "update alerts set threshold = 0",
        "delete from alerts",
        "update scores set fraud_flag = 0",
        "insert into scores values ('p-2', 1, 1, now(), 0, 0)",
        "delete from transactions",
        "select * from sink_offsets",
        "alter table verdicts disable trigger all",
        "drop table verdicts",
        "create table notes (text text)",
    ],
)
def test_the_page_can_append_verdicts_and_nothing_else(mart: Connection, page: Connection, statement: str) -> None:
    """A verdict cannot be changed, removed, antedated or renumbered by whoever has the page's password."""
    add(mart, "p-1")
    assert save_verdict(page, "p-1", 0, Verdict.FRAUD, "", "ada")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        page.execute(statement)
    assert len(read_verdicts(page, "p-1")) == 1


def test_the_sink_writes_alerts_and_no_verdicts(mart: Connection, database: PostgresServer) -> None:
    """The machine's word and the people's are separate."""
    login = {"user": "fraud_sink", "password": PASSWORDS["fraud_sink"]}
    with psycopg.connect(psycopg.conninfo.make_conninfo(database.conninfo, **login), autocommit=True) as sink:
        sink.execute("insert into alerts values ('p-1', '[]', 'v', 0.5, now(), 0, 0)")
        for statement in ("select * from verdicts", "insert into verdicts (transaction_id) values ('p-1')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                sink.execute(statement)


@pytest.mark.parametrize(
    ("column", "value"),
    [("verdict", "perhaps"), ("analyst", ""), ("comment", "x" * 1001), ("ordinal", 0), ("transaction_id", "")],
)
def test_the_database_takes_no_odd_verdict(mart: Connection, page: Connection, column: str, value: object) -> None:
    """What the page checks is checked again where it is stored."""
    row: dict[str, object] = {
        "transaction_id": "p-1", "ordinal": 1, "verdict": "fraud", "comment": "", "analyst": "ada", "score": 0.9,
        "fraud_flag": 1,
    }  # fmt: skip
    row[column] = value
    names = ", ".join(row)
    with pytest.raises(psycopg.errors.CheckViolation):
        page.execute(f"insert into verdicts ({names}) values ({', '.join(['%s'] * len(row))})", list(row.values()))  # noqa: S608


def test_the_queue_is_in_the_order_wanted(mart: Connection, page: Connection) -> None:
    """The latest, the likeliest or the largest first; only flagged ones; the count is of all that wait."""
    add(mart, "a", 0.6, amount=500)
    add(mart, "b", 0.9, amount=20)
    add(mart, "ordinary", 0.1)
    add(mart, "c", 0.7, amount=90)
    queue = CaseQueue()
    heads = {order: [row.transaction_id for row in queue.read(page, order, 2, "ada").head] for order in QueueOrder}
    assert heads == {QueueOrder.LATEST: ["c", "b"], QueueOrder.SCORE: ["b", "c"], QueueOrder.AMOUNT: ["a", "c"]}
    found = queue.read(page, QueueOrder.LATEST, 2, "ada")
    assert (found.waiting, found.more) == (3, False)
    few = CaseQueue(limit=2).read(page, QueueOrder.LATEST, 2, "ada")
    assert (few.waiting, few.more) == (2, True)


def test_precision_is_of_the_last_ones(mart: Connection, page: Connection) -> None:
    """By the time of the verdict; transactions that were not flagged do not count."""
    for number, verdict in enumerate([Verdict.FRAUD, Verdict.FRAUD, Verdict.FALSE_ALARM, Verdict.FRAUD]):
        add(mart, f"p-{number}")
        assert save_verdict(page, f"p-{number}", 0, verdict, "", "ada")
    add(mart, "quiet", 0.1)
    assert save_verdict(page, "quiet", 0, Verdict.FRAUD, "", "ada")
    assert read_precision(page, 100) == Precision(3, 4)
    assert read_precision(page, 2) == Precision(1, 2)


def test_a_case_is_the_transaction_with_its_customers_history(mart: Connection, page: Connection) -> None:
    """Earlier in event time, of the same customer, the latest first, scored or not."""
    for number, time in enumerate(["2020-06-01 10:00", "2020-06-03 10:00", "2020-06-02 10:00", "2020-07-01 10:00"]):
        add(mart, f"e-{number}", 0.1, time=time)
    add(mart, "other", customer="Eve|Example|2 Test Lane", time="2020-06-02 10:00")
    mart.execute("delete from scores where transaction_id = 'e-2'")
    add(mart, "p-1", 0.75, amount=995.7)

    case = read_case(page, "p-1")
    assert case is not None
    assert (case.transaction.amount, case.transaction.city, case.transaction.score) == (995.7, "Y", 0.75)
    assert [(row.transaction_id, row.score) for row in case.earlier] == [("e-1", 0.1), ("e-2", None), ("e-0", 0.1)]
    assert (case.earlier_count, case.alert, case.verdicts) == (3, None, [])
    assert "Ada" not in repr(case)
    short = read_case(page, "p-1", limit=1)
    assert short is not None
    assert ([row.transaction_id for row in short.earlier], short.earlier_count) == (["e-1"], 3)


def test_a_case_without_a_customer_has_no_history(mart: Connection, page: Connection) -> None:
    """And an id without a score is no case."""
    add(mart, "before", customer=None, time="2020-06-01 10:00")
    add(mart, "p-1", customer=None)
    case = read_case(page, "p-1")
    assert case is not None
    assert (case.earlier, case.earlier_count) == ([], 0)
    assert read_case(page, "nowhere") is None


def test_a_case_has_the_reasons_that_have_arrived(mart: Connection, page: Connection) -> None:
    """The largest first; one that is not of the agreed form does not hide the others."""
    add(mart, "p-1")
    reasons = [
        {"feature": "hour", "direction": "down", "size": -0.5, "values": {"hour": 23}},
        {"feature": "amount", "direction": "up", "size": 2.0, "values": {"amount": 995.7}},
        {"feature": "odd", "direction": "sideways", "size": 9.0, "values": {}},
        {"feature": "odd", "direction": "up", "size": "9", "values": {}},
        "odd",
    ]
    mart.execute("insert into alerts values ('p-1', %s, 'lgbm-1', 0.41, now(), 0, 0)", [Jsonb(reasons)])
    case = read_case(page, "p-1")
    assert case is not None
    assert case.alert == Alert(
        [AlertReason("amount", True, 1.0, {"amount": 995.7}), AlertReason("hour", False, 0.25, {"hour": 23})],
        "lgbm-1",
        0.41,
    )
