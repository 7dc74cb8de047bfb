"""Applies a reader's filters to the latest transactions, and sums them up by category and by score. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ui.live.queries import LiveRow

DENSITY_BINS = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """States, categories and merchants to show (none: all), and the lowest score in [0, 1]."""

    states: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    merchants: frozenset[str] = frozenset()
    score_from: float = 0.0

    @property
    def is_set(self) -> bool:
        """Whether any filter is set."""
        return bool(self.states or self.categories or self.merchants or self.score_from)

    def apply(self, rows: Sequence[LiveRow]) -> Sequence[LiveRow]:
        """Return the matching rows, in their order."""
        return [row for row in rows if self._matches(row)] if self.is_set else rows

    def _matches(self, row: LiveRow) -> bool:
        return (
            row.score >= self.score_from
            and (not self.states or row.state in self.states)
            and (not self.categories or row.category in self.categories)
            and (not self.merchants or row.merchant in self.merchants)
        )


@dataclass(frozen=True, slots=True)
class CategoryShare:
    """How many transactions of a category (None: it is missing) are flagged."""

    category: str | None
    scored: int
    flagged: int

    @property
    def share(self) -> float:
        """Flagged of scored, in [0, 1]."""
        return self.flagged / self.scored


@dataclass(frozen=True, slots=True)
class Choices:
    """The values that can be filtered by, in alphabetical order."""

    states: tuple[str, ...]
    categories: tuple[str, ...]
    merchants: tuple[str, ...]


def by_category(rows: Iterable[LiveRow]) -> list[CategoryShare]:
    """Return the share of flagged rows of each category, the largest first, then by name."""
    scored: Counter[str | None] = Counter()
    flagged: Counter[str | None] = Counter()
    for row in rows:
        scored[row.category] += 1
        flagged[row.category] += row.fraud_flag
    found = [CategoryShare(category, count, flagged[category]) for category, count in scored.items()]
    return sorted(found, key=lambda one: (-one.share, one.category is None, one.category or ""))


def density(rows: Iterable[LiveRow]) -> list[int]:
    """Return how many scores fall into each of 50 bins of [0, 1]; a score of exactly 1 belongs to the last."""
    counts = [0] * DENSITY_BINS
    for row in rows:
        counts[min(DENSITY_BINS - 1, int(round(row.score * DENSITY_BINS, 9)))] += 1
    return counts


def choices(rows: Sequence[LiveRow]) -> Choices:
    """Return the values of the rows that can be filtered by."""
    columns = ([row.state for row in rows], [row.category for row in rows], [row.merchant for row in rows])
    return Choices(*(tuple(sorted(filter(None, set(column)))) for column in columns))
