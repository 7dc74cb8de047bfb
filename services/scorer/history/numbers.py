"""Which numbers a history keeps of each event, and what of those that it evicts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shares = Callable[[NDArray[Any]], NDArray[Any]]
"""Returns a number of events from their times in seconds since 1970-01-01, [n]."""


@dataclass(frozen=True, slots=True)
class PastNumber:
    """A number that is kept of every event.

    Attributes:
        definition: what it is made of, in full: another definition is another number.
        of_time: if it depends on the event time alone, how; it is then made anew where it is needed, and not stored.
        is_flag: whether it is 0 or 1.
        summed, smallest, largest: what readings want of it: running sums, the minimum, the maximum of all events.
    """

    name: str
    definition: str
    of_time: Shares | None = None
    is_flag: bool = False
    summed: bool = False
    smallest: bool = False
    largest: bool = False


@dataclass(frozen=True)
class PastNumbers:
    """The numbers of a history, ordered by name, and the names of the columns that they make.

    Attributes:
        numbers: name -> number.
        key: what identifies whose past it is.
    """

    numbers: Mapping[str, PastNumber]
    key: str = ""

    @cached_property
    def stored(self) -> tuple[str, ...]:
        """The numbers that are stored with each event, float32."""
        return tuple(name for name, one in self.numbers.items() if one.of_time is None)

    @cached_property
    def summed(self) -> tuple[str, ...]:
        """The numbers with running sums."""
        return tuple(name for name, one in self.numbers.items() if one.summed)

    @cached_property
    def carried(self) -> tuple[str, ...]:
        """Names of what is kept of all evicted events: sums, minima and maxima."""
        return tuple(
            f"{what} {name}"
            for name, one in self.numbers.items()
            for what, wanted in (("sum", one.summed), ("min", one.smallest), ("max", one.largest))
            if wanted
        )

    @cached_property
    def definitions(self) -> dict[str, str]:
        """Name -> definition, of all numbers, and the key's."""
        return {"key": self.key} | {f"number {name}": one.definition for name, one in self.numbers.items()}

    @cached_property
    def layout(self) -> dict[str, str]:
        """What a changelog must agree with to be read: the definitions, and what records hold of the numbers."""
        return self.definitions | {"stored numbers": ", ".join(self.stored), "sums": ", ".join(self.carried)}

    def shares(self, seconds: NDArray[Any], stored: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what each event adds to the running sums, float64 [len(summed), n]; a missing number adds nothing.

        Args:
            seconds: event times [n].
            stored: float32 [len(self.stored), n].
        """
        shares = np.empty((len(self.summed), len(seconds)), np.float64)
        for row, name in enumerate(self.summed):
            of_time = self.numbers[name].of_time
            shares[row] = stored[self.stored.index(name)] if of_time is None else of_time(seconds)
        return np.nan_to_num(shares, copy=False)
