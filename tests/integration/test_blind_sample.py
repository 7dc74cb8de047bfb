"""The blind sample in a real PostgreSQL, through the page's own role: drawn, judged, and estimated from."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psycopg
import pytest

from conftest import PASSWORDS
from stack.servers import PostgresServer
from ui.review.case import read_case
from ui.review.missed import read_missed
from ui.review.queue import CaseQueue, QueueOrder
from ui.review.sample import STRATA, BlindSampler
from ui.review.verdicts import Precision, Verdict, read_precision, save_verdict

Connection = psycopg.Connection[tuple[Any, ...]]
Row = tuple[str, float]
BLIND, OPEN = CaseQueue(blind=True), CaseQueue()


@pytest.fixture
def page(database: PostgresServer) -> Iterator[Connection]:
    login = {"user": "fraud_ui", "password": PASSWORDS["fraud_ui"]}
    with psycopg.connect(psycopg.conninfo.make_conninfo(database.conninfo, **login), autocommit=True) as connection:
        yield connection


def add(mart: Connection, rows: Sequence[Row]) -> None:
    """Insert scored transactions of 10.00 each."""
    with mart.cursor() as cursor:
        columns = "transaction_id, score, fraud_flag, scored_at, src_partition, src_offset"
        with cursor.copy(f"copy scores ({columns}) from stdin") as copy:
            for name, score in rows:
                copy.write_row((name, score, int(score >= 0.5), "2026-12-01", 0, 0))
        with cursor.copy("copy transactions (transaction_id, amount, src_partition, src_offset) from stdin") as copy:
            for name, _ in rows:
                copy.write_row((name, 10.0, 0, 0))


def begin(page: Connection, per_day: int) -> BlindSampler:
    """Return a sampler that has seen the mart as it is now: it draws from what comes after that."""
    sampler = BlindSampler(per_day)
    assert sampler.draw(page) == 0
    return sampler


def draw(sampler: BlindSampler, page: Connection) -> int:
    """Draw from all that is there: the first look only sees how far it goes."""
    return sampler.draw(page) + sampler.draw(page)


def drawn(mart: Connection) -> set[str]:
    return {name for (name,) in mart.execute("select transaction_id from blind_samples").fetchall()}


def queued(page: Connection, cases: CaseQueue) -> set[str]:
    return {row.transaction_id for row in cases.read(page, QueueOrder.LATEST, 1000, "ada").head}


def test_the_sample_waits_among_the_flagged_ones(mart: Connection, page: Connection) -> None:
    """Only for pages that take it; what the case says of it is the probability it was drawn with."""
    sampler = begin(page, 5)
    add(mart, [("flagged", 0.9), *((f"quiet-{number}", 0.0002) for number in range(50))])
    assert draw(sampler, page) == 5
    sample = drawn(mart)
    assert len(sample) == 5
    assert queued(page, BLIND) == sample | {"flagged"}
    assert queued(page, OPEN) == {"flagged"}
    case = read_case(page, min(sample))
    assert case is not None
    assert case.drawn == pytest.approx(0.1)
    flagged = read_case(page, "flagged")
    assert flagged is not None
    assert flagged.drawn is None
    assert BLIND.take(page, QueueOrder.LATEST, "ada") in sample | {"flagged"}


def test_a_verdict_takes_it_out_of_the_queue_and_leaves_the_precision_alone(mart: Connection, page: Connection) -> None:
    """What was not flagged is no alert."""
    sampler = begin(page, 1)
    add(mart, [("quiet", 0.2)])
    assert draw(sampler, page) == 1
    assert save_verdict(page, "quiet", 0, Verdict.FRAUD, "", "ada")
    assert queued(page, BLIND) == set()
    assert read_precision(page, 100) == Precision(0, 0)


def test_a_day_has_as_many_as_were_asked_for(mart: Connection, page: Connection) -> None:
    """At once after a quiet day, in parts on a busy one, whichever page draws; nothing is drawn from twice."""
    sampler = begin(page, 40)
    add(mart, [(f"a-{number}", 0.0002) for number in range(1000)])
    assert draw(sampler, page) == 40
    assert draw(sampler, page) == 0
    add(mart, [(f"b-{number}", 0.0002) for number in range(1000)])
    assert draw(sampler, page) <= 1  # some milliseconds of a day
    add(mart, [(f"c-{number}", 0.0002) for number in range(1000)])
    mart.execute("update blind_draws set drawn_at = drawn_at - interval '12 hours'")
    another = begin(page, 40)
    assert another.draw(page) == 20
    assert draw(sampler, page) == 0
    ranges = mart.execute("select first_arrival, last_arrival, populations from blind_draws order by 1").fetchall()
    assert ranges == [(1, 1000, [0, 1000, 0, 0, 0]), (1001, 2000, [0, 1000, 0, 0, 0]), (2001, 3000, [0, 1000, 0, 0, 0])]


def test_what_is_not_visible_yet_is_drawn_from_later(
    mart: Connection, page: Connection, database: PostgresServer
) -> None:
    """A sink takes its numbers before its rows can be read: those of another may be seen first."""
    sampler = begin(page, 1000)
    with psycopg.connect(database.conninfo) as slow:
        add(slow, [("slow", 0.2)])
        add(mart, [("fast", 0.2)])
        assert sampler.draw(page) == 0
        slow.commit()
    assert sampler.draw(page) == 2


def test_one_that_is_flagged_later_counts_as_an_alert(mart: Connection, page: Connection) -> None:
    """It is in the queue once."""
    sampler = begin(page, 1)
    add(mart, [("quiet", 0.2)])
    assert draw(sampler, page) == 1
    mart.execute("update scores set score = 0.9, fraud_flag = 1")
    assert queued(page, BLIND) == queued(page, OPEN) == {"quiet"}


def test_what_was_drawn_long_ago_is_let_go(mart: Connection, page: Connection) -> None:
    """It leaves the queue and the estimates; the retention job deletes it."""
    sampler = begin(page, 2)
    add(mart, [("a", 0.2), ("b", 0.2)])
    assert draw(sampler, page) == 2
    assert save_verdict(page, "a", 0, Verdict.FRAUD, "", "ada")
    assert read_missed(page) is not None
    mart.execute("update blind_draws set drawn_at = drawn_at - interval '31 days'")
    assert read_missed(page) is None
    assert queued(page, BLIND) == set()
    mart.execute("delete from blind_draws")
    assert drawn(mart) == set()


def test_the_estimate_is_exact_where_everything_was_judged(mart: Connection, page: Connection) -> None:
    """Four frauds, of which one was missed, worth 10.00."""
    sampler = begin(page, 1000)
    add(mart, [*((f"flagged-{number}", 0.9) for number in range(4)), *((f"quiet-{n}", 0.01 * n) for n in range(20))])
    assert draw(sampler, page) == 20
    assert read_missed(page) is None
    for number in range(20):
        verdict = Verdict.FALSE_ALARM if number else Verdict.FRAUD
        assert save_verdict(page, f"quiet-{number}", 0, verdict, "", "ada")
    for number in range(4):
        verdict = Verdict.FALSE_ALARM if not number else Verdict.FRAUD
        assert save_verdict(page, f"flagged-{number}", 0, verdict, "", "ada")
    found = read_missed(page)
    assert found is not None
    assert found.amount is not None
    assert (found.recall.low, found.recall.value, found.recall.high) == (0.75, 0.75, 0.75)
    assert (found.frauds.low, found.frauds.value, found.frauds.high) == (1, 1, 1)
    assert (found.amount.low, found.amount.value, found.amount.high) == pytest.approx((10, 10, 10))
    assert found.judged == 20


@pytest.mark.slow
def test_the_interval_of_recall_covers_the_truth(mart: Connection, page: Connection) -> None:
    """In at least 93 of 100 draws from the same stream, by the verdicts of analysts who are never wrong."""
    frauds = add_stream(mart, 30_000)
    rows = mart.execute("select transaction_id, fraud_flag from scores").fetchall()
    flagged = [name for name, flag in rows if flag]
    truth = len(frauds.intersection(flagged)) / len(frauds)
    judge(mart, flagged, frauds)
    covered, widths, values = 0, [], []
    for seed in range(100):
        mart.execute("truncate blind_draws, blind_samples")
        mart.execute(
            "insert into blind_draws (drawn_at, first_arrival, last_arrival, flagged, populations, probabilities)"
            " values (now() - interval '1 day', 0, 0, 0, %s, %s)",
            [[0] * STRATA, [0.0] * STRATA],
        )
        sampler = BlindSampler(1000, random.Random(seed))
        page.execute("select setseed(%s)", [seed / 100])
        assert 990 <= draw(sampler, page) <= 1010
        sample = drawn(mart)
        judge(mart, sample, frauds)
        found = read_missed(page)
        assert found is not None
        assert found.judged == len(sample)
        covered += found.recall.low <= truth <= found.recall.high
        widths.append(found.recall.high - found.recall.low)
        values.append(found.recall.value)
        mart.execute("delete from verdicts where fraud_flag = 0")
    print(
        f"recall {truth:.3f}, mean estimate {np.mean(values):.3f}; the interval covers it in {covered} of 100 seeds,"
        f" mean width {np.mean(widths):.3f}"
    )
    assert covered >= 93


def add_stream(mart: Connection, size: int) -> set[str]:
    """Add a stream of which one in 200 is a fraud; the model does not know one fraud in ten. Return the frauds."""
    chance = np.random.default_rng(1)
    fraud = chance.random(size) < 0.005
    seen = fraud & (chance.random(size) < 0.9)
    odds = np.where(seen, chance.normal(4, 3, size), chance.normal(-9, 2, size))
    add(mart, [(f"t-{number}", score) for number, score in enumerate((1 / (1 + np.exp(-odds))).tolist())])
    return {f"t-{number}" for number in np.flatnonzero(fraud)}


def judge(mart: Connection, names: Sequence[str] | set[str], frauds: set[str]) -> None:
    """Give true verdicts."""
    columns = "transaction_id, ordinal, verdict, analyst, score, fraud_flag"
    flags: dict[str, int] = dict(mart.execute("select transaction_id, fraud_flag from scores").fetchall())
    with mart.cursor() as cursor, cursor.copy(f"copy verdicts ({columns}) from stdin") as copy:
        for name in names:
            copy.write_row((name, 1, "fraud" if name in frauds else "false_alarm", "ada", 0.5, flags[name]))
