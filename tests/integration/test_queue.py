"""Cases are handed out to several analysts, by a real PostgreSQL, through the page's own role and pool."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles
from typing import Any

import psycopg
import pytest

from conftest import PASSWORDS
from stack.servers import PostgresServer
from ui.database import Connection as PageConnection
from ui.database import Database
from ui.review.case import read_case
from ui.review.locks import lock_case, read_lock, unlock_case
from ui.review.queue import CaseQueue, QueueOrder
from ui.review.verdicts import Verdict, save_verdict

Connection = psycopg.Connection[tuple[Any, ...]]
LATEST = QueueOrder.LATEST
CASES = CaseQueue()


@pytest.fixture
def pool(database: PostgresServer) -> Iterator[Database]:
    """The page's own pool of connections."""
    login = {"user": "fraud_ui", "password": PASSWORDS["fraud_ui"]}
    pool = Database(psycopg.conninfo.make_conninfo(database.conninfo, **login))
    pool.open()
    yield pool
    pool.close()


@pytest.fixture
def page(database: PostgresServer) -> Iterator[Connection]:
    login = {"user": "fraud_ui", "password": PASSWORDS["fraud_ui"]}
    with psycopg.connect(psycopg.conninfo.make_conninfo(database.conninfo, **login), autocommit=True) as connection:
        yield connection


def add(mart: Connection, *names: str, score: float = 0.9) -> None:
    """Insert scored transactions, the latest last."""
    with mart.cursor() as cursor:
        cursor.executemany(
            "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
            " values (%s, %s, %s, now(), 0, 0)",
            [(name, score, int(score >= 0.5)) for name in names],
        )


def expire(mart: Connection) -> None:
    """Let a quarter of an hour pass."""
    mart.execute("update case_locks set locked_until = locked_until - interval '15 minutes'")


def waiting(page: Connection, analyst: str | None) -> list[str]:
    return [row.transaction_id for row in CASES.read(page, LATEST, 10, analyst).head]


def test_a_case_that_is_taken_is_in_nobody_elses_queue(mart: Connection, page: Connection) -> None:
    """It is counted there; its analyst still sees it, as does whoever only looks see that it is taken."""
    add(mart, "a", "b", "c")
    assert CASES.take(page, LATEST, "ada") == "c"
    assert waiting(page, "ada") == ["c", "b", "a"]
    assert waiting(page, "eve") == waiting(page, None) == ["b", "a"]
    assert CASES.read(page, LATEST, 10, "eve").with_others == 1


def test_a_case_is_skipped_and_comes_last(mart: Connection, page: Connection) -> None:
    """Of those that an analyst has left lying, each comes again when nothing else waits; the open one does not."""
    add(mart, "a", "b")
    taken = [CASES.take(page, LATEST, "ada")]
    for _ in range(3):
        taken.append(CASES.take(page, LATEST, "ada", skipped=taken[-1]))
    assert taken == ["b", "a", "b", "a"]
    assert CASES.take(page, LATEST, "eve") is None


def test_what_is_left_lying_returns(mart: Connection, page: Connection) -> None:
    """After 15 minutes to everybody, when it is closed at once; nobody closes another's case."""
    add(mart, "a")
    assert CASES.take(page, LATEST, "ada") == "a"
    lock = read_lock(page, "a")
    assert lock is not None
    (seconds,) = mart.execute("select extract(epoch from %s - now())", [lock.locked_until]).fetchone() or (None,)
    assert float(str(seconds)) == pytest.approx(15 * 60, abs=30)
    unlock_case(page, "a", "eve")
    assert CASES.take(page, LATEST, "eve") is None
    expire(mart)
    assert read_lock(page, "a") is None
    assert CASES.take(page, LATEST, "eve") == "a"
    unlock_case(page, "a", "eve")
    assert CASES.take(page, LATEST, "ada") == "a"


def test_the_order_decides_who_gets_what(mart: Connection, page: Connection) -> None:
    """The likeliest first, whoever asks."""
    add(mart, "likely", score=0.95)
    add(mart, "latest", score=0.6)
    assert CASES.take(page, QueueOrder.SCORE, "ada") == "likely"
    assert CASES.take(page, QueueOrder.SCORE, "eve") == "latest"


def test_a_verdict_on_anothers_case_is_refused(mart: Connection, page: Connection) -> None:
    """Until the lock ends or its analyst has given one: then anybody may overrule it."""
    add(mart, "a")
    assert lock_case(page, "a", "ada")
    assert not save_verdict(page, "a", 0, Verdict.FRAUD, "", "eve")
    case = read_case(page, "a")
    assert case is not None
    assert case.lock is not None
    assert case.lock.analyst == "ada"
    assert save_verdict(page, "a", 0, Verdict.FRAUD, "", "ada")
    judged = read_case(page, "a")
    assert judged is not None
    assert (judged.lock, judged.awaits_verdict) == (None, False)
    assert save_verdict(page, "a", 1, Verdict.FALSE_ALARM, "", "eve")


def test_a_returned_case_waits_for_everybody(mart: Connection, page: Connection) -> None:
    """Its lock ends with the verdict."""
    add(mart, "a")
    assert lock_case(page, "a", "ada")
    assert save_verdict(page, "a", 0, Verdict.FRAUD, "", "ada")
    assert not lock_case(page, "a", "eve")
    assert save_verdict(page, "a", 1, Verdict.RETURNED, "", "ada")
    assert CASES.take(page, LATEST, "eve") == "a"


def test_a_queue_read_before_the_verdict_hands_nothing_out_twice(mart: Connection, page: Connection) -> None:
    """Who still sees a case as waiting that has been judged since does not get it."""
    add(mart, "a")
    assert CASES.take(page, LATEST, "ada") == "a"
    assert save_verdict(page, "a", 0, Verdict.FRAUD, "", "ada")
    assert not lock_case(page, "a", "eve")


def test_twenty_analysts_at_once_never_get_a_case_twice(mart: Connection, pool: Database) -> None:
    """500 cases, taken and judged by all of them as fast as they can: each is judged once."""
    analysts, cases = 20, 500
    add(mart, *(f"case-{number}" for number in range(cases)))
    ready = threading.Barrier(analysts)
    waits: list[float] = []

    def work(analyst: str) -> list[str]:
        taken: list[str] = []
        ready.wait()
        while True:
            began = time.perf_counter()
            found = pool.ask(lambda connection: (CASES.take(connection, LATEST, analyst),))
            assert found is not None
            (name,) = found
            if name is None or name in taken:  # nothing is left but what this analyst left lying
                return taken
            waits.append(time.perf_counter() - began)
            taken.append(name)
            if len(taken) % 5:

                def judge(connection: PageConnection, name: str = name) -> bool:
                    return save_verdict(connection, name, 0, Verdict.FRAUD, "", analyst)

                assert pool.ask(judge)

    with ThreadPoolExecutor(analysts) as threads:
        taken = [name for found in threads.map(work, [f"analyst-{n}" for n in range(analysts)]) for name in found]

    assert [name for name, times in Counter(taken).items() if times > 1] == []
    assert len(taken) == cases
    print(f"take the next: median {quantiles(waits)[1] * 1000:.0f} ms, p95 {quantiles(waits, n=20)[-1] * 1000:.0f} ms")
