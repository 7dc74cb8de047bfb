"""Exactly once by the rules of the scorers, in a model without Kafka: a failure is one seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.profiles import fixed
from tests.support.protocol import NotOnce, Rules, World

STEPS = 1_000
SEEDS_OF_A_VARIANT = 300
WEAK = {
    "offsets after the scores": Rules(atomic="after"),
    "offsets before the scores": Rules(atomic="before"),
    "a commit that was repeated is followed in the same epoch": Rules(fences=False),
    "partitions are given up in flight": Rules(settles=False),
    "a batch is committed by another member than prepared it": Rules(settles=False, checks_member=False),
}


@fixed(60)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_record_is_scored_once(seed: int) -> None:
    """Through kills, freezes, evictions, rebalances, timeouts, lost connections and ends that arrive late."""
    World(seed, Rules()).run(STEPS)


@pytest.mark.slow
def test_a_million_steps_score_every_record_once() -> None:
    """The same, a thousand seeds in a row."""
    for seed in range(1_000):
        World(seed, Rules()).run(STEPS)


@pytest.mark.parametrize("rules", WEAK.values(), ids=WEAK)
def test_the_model_catches_a_scorer_without_one_of_the_rules(rules: Rules) -> None:
    """What a rule is for: without it a record is scored twice, or never."""
    with pytest.raises(NotOnce):
        for seed in range(SEEDS_OF_A_VARIANT):
            World(seed, rules).run(STEPS)
