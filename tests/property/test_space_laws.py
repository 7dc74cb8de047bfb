"""services.scorer.history.allocator: what is given out never overlaps, and what is given back is never lost."""

from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from services.scorer.history.allocator import BuddyAllocator
from tests.support.profiles import fixed

LENGTHS = st.integers(3, 10).map(lambda power: 1 << power)


class AnySpace(RuleBasedStateMachine):
    """Blocks are taken and given back in any order."""

    blocks = Bundle("blocks")

    def __init__(self) -> None:
        super().__init__()
        self.space = BuddyAllocator()
        self.taken: set[tuple[int, int]] = set()

    @rule(target=blocks, length=LENGTHS)
    def take(self, length: int) -> tuple[int, int]:
        """A block begins at a multiple of its length, and lies within the space."""
        start = self.space.take(length)
        assert start % length == 0
        assert start + length <= self.space.end
        self.taken.add((start, length))
        return start, length

    @rule(block=consumes(blocks))
    def give_back(self, block: tuple[int, int]) -> None:
        """It is free again."""
        self.space.give_back(*block)
        self.taken.remove(block)

    @rule(target=blocks, block=consumes(blocks))
    def take_as_much_again(self, block: tuple[int, int]) -> object:
        """What is given back makes room for as much: the space does not grow for it."""
        end = self.space.end
        self.give_back(block)
        again = self.take(block[1])
        assert self.space.end == end
        return multiple(again)

    @invariant()
    def blocks_never_overlap(self) -> None:
        """No place is given out twice."""
        assert all(start + length <= following for (start, length), (following, _) in pairwise(sorted(self.taken)))

    def teardown(self) -> None:
        """Once all is given back, the whole space can be given out again, in the longest blocks that fit."""
        end = self.space.end
        for block in self.taken:
            self.space.give_back(*block)
        lengths = [1 << power for power in range(end.bit_length()) if end >> power & 1]
        starts = [self.space.take(length) for length in reversed(lengths)]
        assert self.space.end == end
        assert sum(lengths) == end
        assert len(set(starts)) == len(starts)


TestAnySpace = AnySpace.TestCase
TestAnySpace.settings = fixed(80)
