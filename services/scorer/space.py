"""Gives out stretches of one growing space, as a buddy allocator does (Knuth, The Art of Computer Programming, 2.5).

A stretch is a power of two long and begins at a multiple of its length; when both halves of a longer one are free they
are joined.
"""


class Space:
    """Knows which stretches are free, and where the space ends."""

    def __init__(self) -> None:
        self.end = 0
        self._free: dict[int, set[int]] = {}

    def take(self, length: int) -> int:
        """Return the start of a free stretch, of the smallest fitting one, or else at the end."""
        if fitting := [size for size, starts in self._free.items() if starts and size >= length]:
            size = min(fitting)
            start = self._free[size].pop()
            while size > length:
                size //= 2
                self._free.setdefault(size, set()).add(start + size)
            return start
        while self.end % length:
            gap = self.end & -self.end
            self.end += gap
            self.give_back(self.end - gap, gap)
        self.end += length
        return self.end - length

    def take_all(self, length: int) -> None:
        """Take everything up to an end, of a space of which nothing was taken yet."""
        self.end = length

    def give_back(self, start: int, length: int) -> None:
        """Free a stretch, joined with its other half where that is free too."""
        while (other := start ^ length) in (starts := self._free.setdefault(length, set())):
            starts.remove(other)
            start, length = min(start, other), 2 * length
        starts.add(start)
