"""Columns to the model's input matrix, as the contract says: the same code for training and for serving.

Names and operations are resolved once, when a model is loaded (services.scorer.compile); a batch then runs the
functions of services.scorer.operations one after the other.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.contract.model import Contract
from services.common.errors import Stop
from services.common.reading.values import ValueRepair
from services.scorer.decode import Columns
from services.scorer.history.look_back import Reading
from services.scorer.history.numbers import PastNumbers

Compute = Callable[[Columns], NDArray[Any]]

Features = NDArray[Any]
"""A model's input, [n, k]: float32, float64, or object where texts stand among the numbers (services.scorer.models)."""

LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Expression:
    """A number made of the fields of one record, or a text of it.

    Attributes:
        fields: the fields it reads.
        compute: returns it, [n].
        definition: all that decides it, as text.
        is_flag: whether it is 0, 1 or missing.
        never_missing: whether every record has it.
        is_text: whether it is a field's text, "" where it is missing; only a model of one input a column takes it.
    """

    fields: frozenset[str]
    compute: Compute
    definition: str
    is_flag: bool = False
    never_missing: bool = False
    is_text: bool = False

    @property
    def is_field(self) -> bool:
        """Whether it is a field as it is."""
        return self.definition.startswith('{"field"')


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """What a contract's features need, and how they are made.

    Attributes:
        names: the features, in the order of the model's columns.
        columns: how each is made.
        groups: features about one subject: name of the reason they make -> their places.
        fields: the fields they read, those of the key and of the past included.
        readings: what they see of the past.
        numbers: what the history must keep for that.
        texts: place of a feature that is a code -> the texts that it stands for.
    """

    contract: Contract
    names: tuple[str, ...]
    columns: tuple[Expression | Reading, ...]
    groups: Mapping[str, tuple[int, ...]]
    fields: frozenset[str]
    readings: tuple[Reading, ...]
    numbers: PastNumbers
    texts: Mapping[int, tuple[str, ...]]
    _stored: tuple[Compute, ...]

    @property
    def uses_history(self) -> bool:
        """Whether a feature sees the past."""
        return bool(self.readings)

    def is_text(self, place: int) -> bool:
        """Whether the feature at a place is a text."""
        made = self.columns[place]
        return isinstance(made, Expression) and made.is_text

    def to_features(self, columns: Columns, dtype: Any = np.float32) -> Features:
        """Return the model's input, [n, len(names)]; NaN where a number is missing, "" where a text is.

        A value that float32 cannot hold (above 3.4e38) counts as missing, and so does the past where there is none.

        Args:
            columns: the transactions, with their past.
            dtype: as the model wants it (OnnxSession.dtype).
        """
        matrix = np.empty((len(columns), len(self.names)), dtype)
        with np.errstate(over="ignore"):
            for place, one in enumerate(self.columns):
                matrix[:, place] = columns.past.get(one, np.nan) if isinstance(one, Reading) else one.compute(columns)
        if dtype is np.float32:
            matrix[np.isinf(matrix)] = np.nan
        else:
            numbers = [place for place in range(len(self.names)) if not self.is_text(place)]
            values = matrix[:, numbers].astype(np.float64)
            matrix[:, numbers] = np.where(np.abs(values) > LARGEST, np.nan, values)
        return matrix

    def from_manifest(self, rows: Sequence[Sequence[float | str | None]], dtype: Any) -> Features:
        """Return features as a manifest writes them, [n, len(names)] of this dtype.

        Raises:
            ValueError: too many or too few, or a text in a number's place.
        """
        missing = ["" if self.is_text(place) else np.nan for place in range(len(self.names))]
        filled = [[m if value is None else value for m, value in zip(missing, row, strict=True)] for row in rows]
        for row in filled:
            if wrong := [
                n
                for n, m, value in zip(self.names, missing, row, strict=True)
                if (type(m) is str) != (type(value) is str)
            ]:
                raise ValueError(f"{wrong[0]} has a value of another type")
        return np.array(filled, dtype)

    def stored_numbers(self, columns: Columns) -> NDArray[np.float32]:
        """Return what the history stores of each transaction, float32 [len(numbers.stored), n].

        A number that float32 cannot hold counts as missing: in a running sum it would hide all that comes after it.
        """
        stored = np.empty((len(self._stored), len(columns)), np.float32)
        with np.errstate(over="ignore"):
            for row, compute in enumerate(self._stored):
                stored[row] = compute(columns)
        stored[np.isinf(stored)] = np.nan
        return stored

    def check_history(self, stored: PastNumbers | None) -> None:
        """Check that these features can be made of a history that was stored for another contract.

        Args:
            stored: what it holds; None if there is no history.

        Raises:
            Stop: the model would see another past than it was trained with.
        """
        if not self.uses_history:
            return
        if stored is None:
            raise Stop("the model needs a history and this scorer stores none: restart it with this model")
        for name, wanted in self.numbers.definitions.items():
            if stored.definitions.get(name) != wanted:
                raise Stop(
                    f"the history holds no {name} of the model's contract: train the model on the numbers that it"
                    " holds, or restart with a new history, see docs/models.md"
                )
        if missing := set(self.numbers.carried) - set(stored.carried):
            raise Stop(f"the history does not sum up {min(missing)}: restart with a new history, see docs/models.md")
        if missing := set(self.numbers.stored) - set(stored.stored):
            raise Stop(f"the history does not store {min(missing)}: restart with a new history, see docs/models.md")


def repaired_texts(columns: Columns, contract: Contract) -> Counter[ValueRepair]:
    """Return how many known texts were read in another spelling than the contract's."""
    found: Counter[ValueRepair] = Counter()
    for field, texts in columns.texts.items():
        vocabulary = contract.fields[field].vocabulary
        if vocabulary.known and (unusual := set(texts) - vocabulary.known - {None}):
            spelled = {text for text in unusual if text and vocabulary.find(text)}
            found[ValueRepair.VALUE_SPELLING] += sum(text in spelled for text in texts)
    return +found


def unknown_texts(columns: Columns, contract: Contract) -> Counter[str]:
    """Return text -> transactions, of the texts that required fields with `values` hold and do not know."""
    found: Counter[str] = Counter()
    for field in contract.required:
        vocabulary, texts = contract.fields[field].vocabulary, columns.texts.get(field, ())
        if vocabulary.known and (unusual := set(texts) - vocabulary.known):
            unknown = {text for text in unusual if text and vocabulary.find(text) is None}
            found.update(text for text in texts if text in unknown)
    return found
