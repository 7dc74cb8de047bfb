"""services.scorer.history.allocator: blocks that never overlap."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.scorer.history.allocator import BuddyAllocator


@given(st.lists(st.integers(3, 10).map(lambda power: 1 << power) | st.just(0), max_size=200), st.randoms())
def test_blocks_never_overlap_and_begin_at_multiples_of_their_length(lengths: list[int], random: Random) -> None:
    """Whatever is taken and given back (0: give one back), in any order."""
    space, taken = BuddyAllocator(), []
    for length in lengths:
        if length:
            taken.append((space.take(length), length))
        elif taken:
            space.give_back(*taken.pop(random.randrange(len(taken))))
    blocks = sorted(taken)
    assert all(start % length == 0 for start, length in blocks)
    assert all(start + length <= following for (start, length), (following, _) in pairwise(blocks))
    assert all(start + length <= space.end for start, length in blocks)


def test_what_was_given_back_is_used_again() -> None:
    """Two halves make a whole, a whole makes halves, and the space does not grow."""
    space = BuddyAllocator()
    halves = [space.take(8), space.take(8)]
    for half in halves:
        space.give_back(half, 8)

    assert space.take(16) == 0
    space.give_back(0, 16)
    assert sorted(space.take(8) for _ in range(2)) == [0, 8]
    assert space.end == 16
