"""Transactions as the history sees them, in columns, and the running sums over them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Events:
    """n transactions, in the order of their arrival.

    Attributes:
        customers: 64-bit hashes of the customers, uint64 [n].
        seconds: event times in seconds since 1970-01-01, int64 [n].
        ids: 64-bit hashes of the transactions' ids, uint64 [n].
        numbers: what is stored of each, float32 [k, n], in the order of PastNumbers.stored.
    """

    customers: NDArray[np.uint64]
    seconds: NDArray[np.int64]
    ids: NDArray[np.uint64]
    numbers: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.customers)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "Events":
        """Return some of the transactions."""
        return Events(self.customers[rows], self.seconds[rows], self.ids[rows], self.numbers[:, rows])


@dataclass(frozen=True, slots=True)
class Evicted:
    """The oldest events of a customer, which made room for new ones.

    Attributes:
        customer: 64-bit hash.
        count: how many were evicted, ever.
        seconds, sequence: event time and number of the newest of them; all that is stored lies behind it.
        carried: sums, minima and maxima of all evicted ones, by the names of PastNumbers.carried.
    """

    customer: int
    count: int
    seconds: int
    sequence: int
    carried: dict[str, float]


def groups(rows: NDArray[Any]) -> tuple[Rows, Rows]:
    """Return where each group of equal rows begins and how many it has; equal rows are adjacent."""
    firsts = np.flatnonzero(np.append(np.ones(min(1, len(rows)), np.bool_), rows[1:] != rows[:-1]))
    return firsts, np.diff(firsts, append=len(rows))


def ranks(firsts: Rows, counts: Rows) -> Rows:
    """Return each member's place in its group, from 0 on."""
    total = int(counts.sum())
    return np.arange(total) - np.repeat(firsts, counts)


def concatenated_ranges(starts: Rows, lengths: Rows) -> Rows:
    """Return the places of all blocks, one block after the other, int64 [sum of lengths]."""
    return np.repeat(starts, lengths) + ranks(np.cumsum(lengths) - lengths, lengths)


def running_sums(bases: NDArray[np.float64], shares: NDArray[np.float64], firsts: Rows, counts: Rows) -> NDArray[Any]:
    """Return the running sums of each group, float64 [k, n], from its bases on: one share after the other.

    So the bits of a sum depend on its own group alone, not on the batches that the group arrived in. Blocks of 1, 2, 4,
    8, ... places are summed up at once, each for all groups that are long enough.

    Args:
        bases: what each group begins with, [k, groups].
        shares: what each member adds, [k, n].
        firsts: where each group begins.
        counts: how many members it has.
    """
    sums = shares.copy()
    sums[:, firsts] += bases
    length = 1
    while (longer := counts > length).any():
        ends = (firsts + counts)[longer, np.newaxis]
        places = firsts[longer, np.newaxis] + np.arange(length - 1, 2 * length)
        inside = places < ends
        block = sums[:, np.minimum(places, ends - 1)]
        sums[:, places[inside]] = np.cumsum(block, axis=2)[:, inside]
        length *= 2
    return sums
