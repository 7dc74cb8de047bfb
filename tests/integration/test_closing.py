"""Members of groups that are closed in the middle of rebalances, against a real broker.

In a process of its own, and that one ends by itself: with Consumer.close() alone it hangs so hard that no thread of
Python's could end it. docs/experiments.md says how often.
"""

import pytest

from services.common.settings import TopicSettings
from tests.support.closings import closings

FEWEST_ROUNDS, MOST_ROUNDS = 2, 10
MEMBERS = 9
"""Of a round."""


@pytest.mark.parametrize("kind", ["static", pytest.param("dynamic", marks=pytest.mark.slow)])
def test_closing_in_the_middle_of_rebalances_ends(kind: str, kafka: str, topics: TopicSettings) -> None:
    """Some have been told to give partitions up, or were given some, and have not answered.

    Static members go on until one had two callbacks to answer, where the plain close hangs: a fifth of them has.
    """
    with closings(kafka, topics.transactions, kind) as (child, found):
        for rounds in range(1, MOST_ROUNDS + 1):
            child.round()
            if rounds >= FEWEST_ROUNDS and (found.late or kind == "dynamic"):
                break
    assert not found.hung
    assert (found.timeouts, len(found.seconds)) == (0, rounds * MEMBERS)
    assert found.late > 0 or kind == "dynamic", "no member had two callbacks to answer: nothing was tested"
