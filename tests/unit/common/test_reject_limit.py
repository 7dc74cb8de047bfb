"""services.common.reject_limit: when a service that rejects too much is stopped."""

import time
from pathlib import Path

import pytest

from services.common.errors import Reason, Reject, Stop
from services.common.reject_limit import RejectLimit, longest_run
from services.common.settings import project_root
from services.common.version import VERSION

BAD = Reject(Reason.BAD_TYPE, "amount", "expected a number, got str")
OTHER = Reject(Reason.BAD_JSON, "", "no JSON")


def rejects(*places: int) -> dict[int, Reject]:
    return dict.fromkeys(places, BAD)


def pass_batch(limit: RejectLimit, messages: int, rejected: dict[int, Reject]) -> None:
    """What a loop does with a batch that may be written."""
    limit.check(messages, rejected)
    limit.count(messages, rejected)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


def test_a_file_with_a_few_hundred_bad_rows_stops_nothing(mark: Path) -> None:
    """Neither alone on a quiet topic, nor in the middle of good payments."""
    limit = RejectLimit(0.5, 1_000, mark)
    pass_batch(limit, 700, rejects(*range(700)))
    pass_batch(limit, 20_000, {})
    pass_batch(limit, 10_000, rejects(*range(3_000, 3_900)))

    assert limit.share == pytest.approx(0.09)
    assert not mark.exists()


def test_rejects_in_a_row_are_counted_across_batches(mark: Path) -> None:
    """The one that reaches the limit stops, whatever the batches are; a good message begins the count anew."""
    limit = RejectLimit(0, 1_000, mark)
    for _ in range(3):
        pass_batch(limit, 333, rejects(*range(333)))
    assert limit.in_a_row == 999
    limit.check(2, rejects(1))
    with pytest.raises(Stop, match="1,000 messages in a row"):
        limit.check(2, rejects(0))
    pass_batch(limit, 2, rejects(1))
    assert limit.in_a_row == 1


def test_most_of_the_latest_messages_rejected_stops(mark: Path) -> None:
    """Although every second one is good; and only once there were 10,000 messages to judge by."""
    limit = RejectLimit(0.5, 1_000, mark)
    two_of_three = rejects(*(place for place in range(900) if place % 3))
    for _ in range(11):
        pass_batch(limit, 900, two_of_three)

    with pytest.raises(Stop, match=r"7,200 of the latest 10,800 messages were rejected"):
        limit.check(900, two_of_three)


def test_one_large_batch_is_judged_by_itself(mark: Path) -> None:
    """Good messages of an hour ago do not let it pass."""
    limit = RejectLimit(0.5, 0, mark)
    for _ in range(20):
        pass_batch(limit, 10_000, {})

    with pytest.raises(Stop):
        limit.check(10_000, rejects(*range(5_001)))
    limit.check(10_000, rejects(*range(5_000)))


def test_what_a_check_refused_is_not_counted(mark: Path) -> None:
    """A batch that is read again after a failure is judged as it was before."""
    limit = RejectLimit(0.5, 1_000, mark)
    for _ in range(5):
        limit.check(900, rejects(*range(900)))
    assert (limit.in_a_row, limit.share) == (0, 0)


def test_the_stop_names_the_commonest_reason(mark: Path) -> None:
    """With its field: that is what a person needs first."""
    limit = RejectLimit(0, 10, mark)

    with pytest.raises(
        Stop, match=r"the commonest reason, 9 times in this batch: bad_type of amount; the batch was not"
    ):
        limit.check(10, {0: OTHER, **rejects(*range(1, 10))})


def test_a_limit_of_0_is_none(mark: Path) -> None:
    """Then everything passes, and an old mark goes away."""
    mark.touch()
    limit = RejectLimit(0, 0, mark)
    for _ in range(5):
        pass_batch(limit, 10_000, rejects(*range(10_000)))
    assert limit.in_a_row == 50_000
    assert limit.share == 1


def test_a_start_after_a_stop_is_on_probation(mark: Path) -> None:
    """It stops again at its first batch, however small, as long as most of it is rejected."""
    with pytest.raises(Stop):
        RejectLimit(0.5, 10, mark).check(10, rejects(*range(10)))

    for _ in range(3):
        again = RejectLimit(0.5, 10, mark)
        assert again.on_probation
        with pytest.raises(Stop, match="2 of the first 3 messages after such a stop"):
            again.check(3, rejects(0, 1))


def test_a_batch_that_passes_ends_the_probation(mark: Path) -> None:
    """A start with a mended service has a few bad messages too."""
    mark.touch()
    limit = RejectLimit(0.5, 10, mark)
    pass_batch(limit, 0, {})
    assert limit.on_probation
    pass_batch(limit, 10, rejects(*range(5)))

    assert not limit.on_probation
    assert not mark.exists()
    pass_batch(limit, 9, rejects(*range(9)))


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


def test_lone_messages_cost_next_to_nothing(mark: Path) -> None:
    """A message a batch: the window of 10,000 batches is not gone through at each."""
    limit = RejectLimit(0.5, 1_000, mark)
    began = time.perf_counter()
    for n in range(50_000):
        pass_batch(limit, 1, rejects(0) if n % 10 == 0 else {})

    assert (time.perf_counter() - began) / 50_000 < 100e-6
    assert limit.share == pytest.approx(0.1)


def test_the_version_is_that_of_the_project() -> None:
    """Dead letters tell it."""
    assert f'\nversion = "{VERSION}"\n' in (project_root() / "pyproject.toml").read_text()
