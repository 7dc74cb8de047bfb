"""The benchmarks' arithmetic: medians, spreads, ratios, percentiles, goals, rates computed from timestamps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Goal, figure, percentile, ratio, significant
from bench.stamps import Window, rate

WINDOW = Window(warm_up_seconds=1, seconds=4)


def test_a_figure_is_the_median_with_its_ends() -> None:
    """The rounds stay in order; the median does not depend on it."""
    made = figure("rate", [300, 100, 250], "messages/s", note="three rounds")

    assert (made["value"], made["low"], made["high"]) == (250, 100, 300)
    assert made["rounds"] == [300, 100, 250]
    assert made["note"] == "three rounds"
    assert "goal" not in made


def test_a_ratio_is_that_of_each_round() -> None:
    """A round that was slow as a whole does not widen the spread."""
    made = ratio("ours / limit", [50, 5, 60], [100, 10, 100])

    assert (made["value"], made["low"], made["high"]) == (0.5, 0.5, 0.6)


def test_a_ratio_needs_a_limit_of_every_round() -> None:
    """A missing round is an error."""
    with pytest.raises(ValueError, match="zip"):
        ratio("ours / limit", [50, 5], [100])


@pytest.mark.parametrize(
    ("goal", "words", "good", "bad"),
    [
        (Goal(at_least=0.5), "≥ 0.5", 0.5, 0.4999),
        (Goal(at_most=40), "≤ 40", 40, 40.1),
        (Goal(at_least=0.9, at_most=1.1), "0.9 to 1.1", 1, 1.2),
    ],
)
def test_a_goal_is_met_or_missed(goal: Goal, words: str, good: float, bad: float) -> None:
    """The limit itself meets the goal."""
    assert str(goal) == words
    assert figure("", [good], "x", goal=goal)["met"]
    assert not figure("", [bad], "x", goal=goal)["met"]


def test_rounding_meets_no_goal() -> None:
    """A value shown as 0.5 that is less has missed the goal."""
    made = figure("", [0.49999999], "x", goal=Goal(at_least=0.5))

    assert (made["value"], made["met"]) == (0.5, False)


@pytest.mark.parametrize(
    ("value", "rounded"), [(0, 0), (31_666.4, 31_670), (0.123456, 0.1235), (999.96, 1000), (-5.43219, -5.432)]
)
def test_four_digits_are_kept(value: float, rounded: float) -> None:
    """Large or small."""
    assert significant(value) == rounded


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_was_measured_and_holds_its_share(values: list[float], share: float) -> None:
    """At least the share of the values lies at or below it, and less than that lies below."""
    found = percentile(values, share)

    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_a_steady_writer_is_measured_after_its_warm_up() -> None:
    """100 per second, slower in the first second."""
    stamps = [0, 900, *range(1000, 10_000, 10)]

    assert rate(stamps, WINDOW) == pytest.approx(100)


def test_a_writer_of_batches_is_measured_from_end_to_end() -> None:
    """1,000 at once every half second are 2,000 per second, wherever the window starts."""
    stamps = [500 * batch for batch in range(20) for _ in range(1_000)]

    assert rate(stamps, WINDOW) == pytest.approx(2_000)
    assert rate(stamps, Window(warm_up_seconds=0.7, seconds=3.3)) == pytest.approx(2_000)


def test_a_writer_that_runs_out_is_measured_up_to_its_last_message() -> None:
    """The time after the last message does not count."""
    assert rate(list(range(0, 3_000, 10)), WINDOW) == pytest.approx(100)


def test_the_warm_up_takes_at_most_half_of_a_run() -> None:
    """A process that is done before the end of the warm-up has a rate too."""
    assert rate(list(range(0, 800, 10)), WINDOW) == pytest.approx(100)


def test_the_order_of_stamps_does_not_matter() -> None:
    """Partitions are read one after another."""
    stamps = list(range(0, 6_000, 7))

    assert rate(stamps[::2] + stamps[1::2], WINDOW) == rate(stamps, WINDOW)


@pytest.mark.parametrize("stamps", [[], [5], [5, 5]])
def test_too_little_is_no_rate(stamps: list[int]) -> None:
    """Rather than a figure without messages."""
    with pytest.raises(ValueError, match="nothing was written"):
        rate(stamps, WINDOW)
