"""A buddy allocator of blocks in one growing space (Knuth, The Art of Computer Programming, 2.5).

A block is a power of two long and starts at a multiple of its length. So its buddy, the other half of a block of twice
its length, starts at `start ^ length`; two free buddies are joined.
"""

import numpy as np
from numpy.typing import NDArray


class BuddyAllocator:
    """The free blocks by length, and the end of the space."""

    def __init__(self) -> None:
        self.end = 0
        self._free: dict[int, set[int]] = {}

    @property
    def free(self) -> int:
        """Total length of the free blocks."""
        return sum(length * len(starts) for length, starts in self._free.items())

    def take(self, length: int) -> int:
        """Return the start of a block: the smallest free one that fits, split, or else a new one at the end."""
        if fitting := [size for size, starts in self._free.items() if starts and size >= length]:
            size = min(fitting)
            start = self._free[size].pop()
            while size > length:
                size //= 2  # the first half is split on, the second half is free
                self._free.setdefault(size, set()).add(start + size)
            return start
        self._align(length)
        self.end += length
        return self.end - length

    def take_many(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the starts of blocks of these lengths, int64 [n].

        One by one while there is enough free space, which a steady load reuses; else all at the end in one numpy call,
        as a restore of a million customers needs.
        """
        if self.free >= lengths.sum():
            return np.array([self.take(length) for length in lengths.tolist()], np.int64)
        self._align(int(lengths.max(initial=1)))
        order = np.argsort(-lengths, kind="stable")  # longest first: each then starts at a multiple of its length
        ends = self.end + np.cumsum(lengths[order])
        starts = np.empty_like(lengths)
        starts[order] = ends - lengths[order]
        self.end = int(ends[-1])
        return starts

    def give_back(self, start: int, length: int) -> None:
        """Free a block, joined with its buddy where that is free too, and so on."""
        while (buddy := start ^ length) in (starts := self._free.setdefault(length, set())):
            starts.remove(buddy)
            start, length = min(start, buddy), 2 * length
        starts.add(start)

    def _align(self, length: int) -> None:
        """Move the end to a multiple of a length; the space in between becomes free blocks."""
        while self.end % length:
            gap = self.end & -self.end  # the largest block that may start here: the lowest bit of the end
            self.end += gap
            self.give_back(self.end - gap, gap)
