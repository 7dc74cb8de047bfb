"""Gives out stretches of one growing space, as a buddy allocator does (Knuth, The Art of Computer Programming, 2.5).

A stretch is a power of two long and begins at a multiple of its length; when both halves of a longer one are free they
are joined.
"""

import numpy as np
from numpy.typing import NDArray


class BuddyAllocator:
    """Knows which stretches are free, and where the space ends."""

    def __init__(self) -> None:
        self.end = 0
        self._free: dict[int, set[int]] = {}

    @property
    def free(self) -> int:
        """How much is free before the end."""
        return sum(length * len(starts) for length, starts in self._free.items())

    def take(self, length: int) -> int:
        """Return the start of a free stretch, of the smallest fitting one, or else at the end."""
        if fitting := [size for size, starts in self._free.items() if starts and size >= length]:
            size = min(fitting)
            start = self._free[size].pop()
            while size > length:
                size //= 2
                self._free.setdefault(size, set()).add(start + size)
            return start
        self._align(length)
        self.end += length
        return self.end - length

    def take_many(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the starts of so many stretches, int64 [n]: free ones if there is as much, or else all at the end.

        The longest comes first there, so that each begins at a multiple of itself.
        """
        if self.free >= lengths.sum():
            return np.array([self.take(length) for length in lengths.tolist()], np.int64)
        self._align(int(lengths.max(initial=1)))
        order = np.argsort(-lengths, kind="stable")
        ends = self.end + np.cumsum(lengths[order])
        starts = np.empty_like(lengths)
        starts[order] = ends - lengths[order]
        self.end = int(ends[-1])
        return starts

    def give_back(self, start: int, length: int) -> None:
        """Free a stretch, joined with its other half where that is free too."""
        while (other := start ^ length) in (starts := self._free.setdefault(length, set())):
            starts.remove(other)
            start, length = min(start, other), 2 * length
        starts.add(start)

    def _align(self, length: int) -> None:
        """Move the end to a multiple of a length; what lies between is free."""
        while self.end % length:
            gap = self.end & -self.end
            self.end += gap
            self.give_back(self.end - gap, gap)
