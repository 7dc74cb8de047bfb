"""Who has which row: the customers of the owned partitions, each known by a number that stays. Pure."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from services.scorer.history.events import Rows

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 by the golden ratio (Knuth, The Art of Computer Programming, 6.4): neighbouring partitions end far apart."""


def names_of(customers: NDArray[np.uint64], partitions: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return 64 bits for each customer of a partition, uint64 [n]: the same customer of another partition is another.

    Args:
        customers: 64-bit hashes, uint64 [n].
        partitions: int64 [n].
    """
    return customers ^ (partitions.astype(np.uint64) * _SPREAD)


class Register:
    """Names and their rows. A row that is given back is given to somebody else."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def end(self) -> int:
        """The first row that nobody ever had."""
        return len(self._rows) + len(self._free)

    def find(self, names: Sequence[int]) -> list[int]:
        """Return the row of each name, -1 for those that have none."""
        get = self._rows.get
        return [get(name, -1) for name in names]

    def add(self, names: Sequence[int]) -> Rows:
        """Return a row for each name, int64 [n]; the names are new and each stands there once."""
        first = self.end
        reused = [self._free.pop() for _ in range(min(len(names), len(self._free)))]
        rows = reused + list(range(first, first + len(names) - len(reused)))
        self._rows.update(zip(names, rows, strict=True))
        return np.array(rows, np.int64)

    def remove(self, names: Iterable[int]) -> None:
        """Give back the rows of these names."""
        self._free += [self._rows.pop(name) for name in names]
