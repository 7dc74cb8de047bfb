"""Categories that the model knows, and those of a file that it does not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.common.manifest import current_manifest
from services.common.values import GENDERS, Spellings

VALUES_KEPT = 20
VALUE_MAX_CHARACTERS = 60


@dataclass(frozen=True)
class UnknownValue:
    """A category or gender that nobody knows: in how many rows it stands, and the first one's line in the file."""

    field: str
    value: str
    rows: int
    line: int


class UnknownValues:
    """Counts them: the first 20 values by themselves, all rows together."""

    def __init__(self) -> None:
        self.rows = 0
        self._found: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, field: str, text: str, line: int) -> None:
        """Take note that a row at `line` has such a value."""
        self.rows += 1
        at = field, text[:VALUE_MAX_CHARACTERS]
        if at in self._found or len(self._found) < VALUES_KEPT:
            rows, first = self._found.get(at, (0, line))
            self._found[at] = rows + 1, first

    def most_frequent(self) -> tuple[UnknownValue, ...]:
        """Return the values, those of most rows first."""
        found = [UnknownValue(field, text, rows, line) for (field, text), (rows, line) in self._found.items()]
        return tuple(sorted(found, key=lambda value: (-value.rows, value.line)))


def read_categories(manifest: Path) -> Sequence[str]:
    """Return the categories the model knows, in alphabetical order; none if the manifest cannot be read."""
    found = current_manifest(manifest)
    return sorted(found.recipe.categories) if found else ()


def spellings(categories: Sequence[str]) -> dict[str, Spellings]:
    """Return field -> the names it may hold; without categories they are sent as they are written."""
    return {"gender": GENDERS} | ({"cat_id": Spellings(categories)} if categories else {})
