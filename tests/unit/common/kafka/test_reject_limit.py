"""services.common.kafka.reject_limit: when a service that rejects too much says so."""

import time

import pytest
from structlog.testing import capture_logs

from services.common.errors import Reason, Reject
from services.common.kafka.reject_limit import ALARM_SECONDS, LOG_SECONDS, RejectCount, RejectLimit, longest_run

BAD = Reject(Reason.BAD_TYPE, "amount", "expected a number, got str")
OTHER = Reject(Reason.BAD_JSON, "", "no JSON")


class Clock:
    """Seconds, as a test says."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def rejects(*places: int) -> dict[int, Reject]:
    return dict.fromkeys(places, BAD)


def test_a_file_with_a_few_hundred_bad_rows_is_no_alarm() -> None:
    """Neither alone on a quiet topic, nor in the middle of good transactions."""
    limit = RejectLimit(0.5, 1_000)
    limit.count(700, rejects(*range(700)))
    limit.count(20_000, {})
    limit.count(10_000, rejects(*range(3_000, 3_900)))

    assert limit.share == pytest.approx(0.09)
    assert not limit.exceeded


def test_rejects_in_a_row_are_counted_across_batches() -> None:
    """The one that reaches the limit raises the alarm, whatever the batches are; a good message resets it."""
    limit = RejectLimit(0, 1_000)
    for _ in range(3):
        limit.count(333, rejects(*range(333)))
    assert limit.in_a_row == 999
    limit.count(2, rejects(1))
    assert (limit.in_a_row, limit.exceeded) == (1, False)
    limit.count(999, rejects(*range(999)))
    assert limit.exceeded


def test_what_would_be_over_the_limit_is_known_before_it_counts() -> None:
    """The same words as the alarm's, and nothing is counted by asking; the window's old batches are left out."""
    count = RejectCount(0.5, 1_000)
    count.add(9_000, range(0, 9_000, 2))
    count.add(1_000, range(0, 1_000, 2))
    for _ in range(2):
        assert count.over_with(9_000, range(0, 9_000, 2)) is None
        assert count.over_with(9_000, range(0, 9_000, 2)[:-1]) is None
        assert count.over_with(9_001, [*range(0, 9_000, 2), 9_000]) == (
            "5,001 of the latest 10,001 messages were rejected"
        )
        assert count.over_with(1_000, range(1_000)) == "1,000 messages in a row were rejected"
    assert (count.share, count.in_a_row) == (0.5, 0)
    assert count.over_with(20_000, ()) is None


def test_one_producer_of_rubbish_among_many_raises_the_alarm_and_nothing_else() -> None:
    """Two of three messages are good ones; then more than half are rejected, once 10,000 have come to judge by."""
    limit = RejectLimit(0.5, 1_000)
    for _ in range(20):
        limit.count(900, rejects(*(place for place in range(900) if place % 3 == 0)))
    assert not limit.exceeded

    for _ in range(11):
        limit.count(900, rejects(*(place for place in range(900) if place % 3)))
    assert limit.exceeded
    assert limit.share == pytest.approx(0.6, abs=0.07)


def test_one_large_batch_is_judged_by_itself() -> None:
    """Good messages of an hour ago do not let it pass."""
    limit = RejectLimit(0.5, 0)
    for _ in range(20):
        limit.count(10_000, {})
    limit.count(10_000, rejects(*range(5_000)))
    assert not limit.exceeded
    limit.count(10_000, rejects(*range(5_001)))
    assert limit.exceeded


def test_an_alarm_lasts_for_5_minutes_after_the_last_batch_that_was_over_the_limit() -> None:
    """So that a scrape sees it, though a good message follows at once; and it ends by itself."""
    clock = Clock()
    limit = RejectLimit(0, 10, clock)
    for _ in range(2):
        limit.count(10, rejects(*range(10)))
        limit.count(1, {})
        clock.now += ALARM_SECONDS - 1
        assert limit.exceeded
    clock.now += 1
    assert not limit.exceeded


def test_the_log_names_the_commonest_reason_and_an_example_once_a_minute() -> None:
    """With its field: that is what a person needs first."""
    clock = Clock()
    limit = RejectLimit(0, 10, clock)
    with capture_logs() as lines:
        limit.count(10, {0: OTHER, **rejects(*range(1, 10))}, lambda row: f"transactions/3/{40 + row}")
        limit.count(10, rejects(*range(10)))
        clock.now += LOG_SECONDS
        limit.count(10, rejects(*range(10)))

    assert [(line["event"], line["log_level"]) for line in lines] == [("reject_limit_exceeded", "error")] * 2
    told = {"found": "10 messages in a row were rejected", "reason": "bad_type", "field": "amount", "times_in_batch": 9}
    assert lines[0].items() >= (told | {"example": "transactions/3/41"}).items()


def test_a_limit_of_0_is_none() -> None:
    """Then nothing is an alarm; it is counted all the same."""
    limit = RejectLimit(0, 0)
    for _ in range(5):
        limit.count(10_000, rejects(*range(10_000)))
    assert (limit.in_a_row, limit.share, limit.exceeded) == (50_000, 1, False)


@pytest.mark.parametrize(
    ("places", "messages", "before", "expected"),
    [
        ([], 5, 3, (0, 0)),
        ([0, 1], 5, 3, (5, 0)),
        ([4], 5, 3, (1, 1)),
        ([0, 1, 2, 3, 4], 5, 3, (8, 8)),
        ([3, 0, 1, 4], 5, 0, (2, 2)),
    ],
)
def test_runs(places: list[int], messages: int, before: int, expected: tuple[int, int]) -> None:
    """Whatever the order the places come in."""
    assert longest_run(places, messages, before) == expected


def test_lone_messages_cost_next_to_nothing() -> None:
    """A message a batch: the window of 10,000 batches is not gone through at each."""
    limit = RejectLimit(0.5, 1_000)
    began = time.perf_counter()
    for n in range(50_000):
        limit.count(1, rejects(0) if n % 10 == 0 else {})

    assert (time.perf_counter() - began) / 50_000 < 100e-6
    assert limit.share == pytest.approx(0.1)
