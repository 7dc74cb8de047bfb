"""How a blind sample is divided among the strata, and what is estimated from it."""

import random
from statistics import mean

import pytest

from ui.review.missed import JudgedAlerts, JudgedSample, estimate, merged
from ui.review.sample import STRATA, allocate, round_at_random
from ui.shell.estimate import Estimate

ALERTS = JudgedAlerts(alerts=100, judged=100, frauds=80)


def sampled(stratum: int, probability: float, *, frauds: int, others: int) -> list[JudgedSample]:
    """Return judged transactions; the n-th fraud is one of n."""
    found = [JudgedSample(stratum, probability, True, float(number)) for number in range(1, frauds + 1)]
    return found + [JudgedSample(stratum, probability, False, 5.0)] * others


def test_more_is_drawn_where_more_frauds_are_expected() -> None:
    """As Neyman's allocation has it: 1 and 9 % of frauds among as many transactions are drawn as 1 to 2.88."""
    shares = allocate(100, [1000, 1000], [0.01, 0.09])
    assert sum(shares) == pytest.approx(100)
    assert shares[1] / shares[0] == pytest.approx((0.09 * 0.91 / (0.01 * 0.99)) ** 0.5)


def test_where_the_model_expects_nothing_something_is_drawn() -> None:
    """That is where it may be wrong."""
    assert allocate(100, [1000, 1000], [0.0, 0.5])[0] > 1


@pytest.mark.parametrize(
    ("size", "populations", "shares"),
    [
        (20, [4, 4, 100], [4, 4, 12]),
        (500, [4, 4, 100], [4, 4, 100]),
        (0.5, [0, 10, 0], [0, 0.5, 0]),
        (5, [0, 0, 0], [0, 0, 0]),
    ],
)
def test_no_stratum_gets_more_than_it_has(size: float, populations: list[int], shares: list[float]) -> None:
    """The others share what it leaves; a stratum without transactions gets nothing."""
    means = [0.5, 0.5, 0.00002]
    assert allocate(size, populations, means) == pytest.approx(shares)


def test_a_fraction_is_drawn_as_often_as_it_says() -> None:
    """2.3 is 2 or 3, and 2.3 in the mean."""
    chance = random.Random(1)
    found = [round_at_random(2.3, chance) for _ in range(10_000)]
    assert set(found) == {2, 3}
    assert mean(found) == pytest.approx(2.3, abs=0.02)


def test_the_estimate_weights_with_the_probability() -> None:
    """One of ten that were drawn as 1 of 10 is 10 frauds; another probability in the same stratum weighs otherwise."""
    found = estimate([100], sampled(1, 0.1, frauds=1, others=9), ALERTS)
    assert found.frauds.value == pytest.approx(10)
    assert found.recall.value == pytest.approx(80 / 90)
    rare = sampled(1, 0.1, frauds=1, others=4) + sampled(1, 0.5, frauds=0, others=25)
    assert estimate([100], rare, ALERTS).frauds.value == pytest.approx(10)
    assert estimate([100], rare, ALERTS).frauds.high > found.frauds.value


def test_more_verdicts_narrow_the_interval() -> None:
    """It lies around the estimate."""
    few = estimate([10_000], sampled(1, 0.01, frauds=1, others=99), ALERTS).recall
    many = estimate([10_000], sampled(1, 0.1, frauds=10, others=990), ALERTS).recall
    for one in (few, many):
        assert 0 <= one.low < one.value < one.high <= 1
    assert many.high - many.low < (few.high - few.low) / 2


def test_where_no_fraud_was_found_some_may_be() -> None:
    """By Jeffreys' limit 2.5 of as many as were judged; none is not ruled out."""
    found = estimate([10_000], sampled(1, 0.01, frauds=0, others=100), ALERTS)
    assert (found.frauds.low, found.frauds.value) == (0, 0)
    assert found.frauds.high == pytest.approx(2.5 * 99, rel=0.05)
    assert (found.recall.value, found.recall.high, found.amount) == (1, 1, None)


def test_alerts_without_a_verdict_are_estimated_too() -> None:
    """Of 100 alerts ten were judged, eight are frauds: so are about eighty."""
    found = estimate([100], sampled(1, 1.0, frauds=20, others=80), JudgedAlerts(alerts=100, judged=10, frauds=8))
    assert found.recall.value == pytest.approx(0.8)
    assert found.recall.low < 0.75


def test_without_alerts_everything_is_missed() -> None:
    """And without frauds nothing is."""
    none = JudgedAlerts(alerts=0, judged=0, frauds=0)
    assert estimate([10], sampled(1, 1.0, frauds=1, others=9), none).recall == Estimate(0, 0, 0)
    assert estimate([10], sampled(1, 1.0, frauds=0, others=10), none).recall.value == 0


def test_amounts_are_those_of_the_frauds_found() -> None:
    """Two found, of 1 and 2, stand for 20 frauds: 30 together."""
    found = estimate([100], sampled(1, 0.1, frauds=2, others=8), ALERTS).amount
    assert found is not None
    assert found.value == pytest.approx(30)
    assert found.low < 30 < found.high
    unknown = [JudgedSample(1, 0.1, True, None), *sampled(1, 0.1, frauds=0, others=9)]
    assert estimate([100], unknown, ALERTS).amount is None


def test_a_stratum_without_verdicts_joins_the_one_above() -> None:
    """The last one the one below."""
    judged = sampled(2, 0.1, frauds=0, others=1) + sampled(4, 0.1, frauds=0, others=1)
    assert [population for population, _ in merged([1, 10, 100, 1_000, 10_000], judged)] == [11, 11_100]
    assert STRATA == 5
