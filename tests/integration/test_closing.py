"""Members of groups that are closed in the middle of rebalances, against a real broker.

In a process of its own, and that one ends by itself: with Consumer.close() alone it hangs so hard that no thread of
Python's could end it. docs/experiments.md tells how often.
"""

import pytest

from services.common.settings import TopicSettings
from tests.support.closings import closings


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_closing_in_the_middle_of_rebalances_ends(kind: str, kafka: str, topics: TopicSettings) -> None:
    """27 members; some have been told to give partitions up, or were given some, and have not answered."""
    with closings(kafka, topics.transactions, kind) as (child, found):
        for _ in range(3):
            child.round()
    assert not found.hung
    assert (found.timeouts, len(found.seconds)) == (0, 27)
    if kind == "static":
        assert found.late > 0, "no member had two callbacks to answer: nothing was tested"
