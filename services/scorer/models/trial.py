"""Tries a model, before it is trusted, on everything that a transaction may hold.

The transactions are generated from the recipe: an ordinary one; for each value that a feature is made of, the ordinary
one without it, and with its smallest and largest value; all of these at once; and random mixtures.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.common.errors import Stop
from services.common.manifest import Manifest, Recipe
from services.common.message import NUMBERS
from services.scorer.decode import AMOUNT_LIMIT, REQUIRED_FIELDS, Columns
from services.scorer.explain import explain
from services.scorer.features import required_fields, to_features
from services.scorer.history.history import PAST
from services.scorer.score import ModelFailed, is_probability, raw_answers

BATCHES = (1, 2, 1_000)
EXPLAINED = 200
SEED = 28
NEIGHBOUR_TOLERANCE = 1e-5
"""ONNX Runtime may sum up in another order in another batch."""

HOURS_A_WEEK = 7 * 24
ORDINARY_SECONDS, FIRST_SECOND, LAST_SECOND = 1_592_402_700, 0, 4_102_444_799
"""2020-06-17 14:05, and the first and the last second of the years that event_time accepts."""

ORDINARY = {"amount": 50.0, "lat": 40.0, "lon": -90.0, "merchant_lat": 40.5, "merchant_lon": -90.5}
NEGATIVE_PAST = tuple(name for name in PAST if "amount" in name or name.startswith("sum"))
"""Refunds are negative amounts. Counts, risks and times are never negative."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A value that transactions hold, and its choices: the ordinary one first, the largest last."""

    name: str
    choices: tuple[Any, ...]

    def describe(self, choice: int) -> str:
        value = self.choices[choice]
        if _is_missing(value):
            return f"without {self.name}"
        if type(value) is float:
            return f"with {self.name} = {value:g}"
        return f"with {self.name} = {np.datetime64(value, 's') if type(value) is int else value}"

    @property
    def missing(self) -> int:
        """The choice that stands for a missing value; the ordinary one if it is never missing."""
        return next((number for number, value in enumerate(self.choices) if _is_missing(value)), 0)


def try_model(path: Path, session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
    """Ask a model for scores and reasons, in batches of 1, 2 and 1,000.

    Raises:
        Stop: it fails, gives a transaction no finite probability, or a score that depends on the rest of its batch.
    """
    values = list(_values(manifest.recipe))
    picks = _picks(values)
    features = to_features(_columns(values, picks), manifest.recipe)
    describe = _Description(values, picks)
    alone = [_ask(path, session, features[:size], describe) for size in BATCHES]
    answers = _ask(path, session, features, describe)
    if len(bad := np.flatnonzero(~is_probability(answers))):
        text = f"{path}: the answer to a transaction {describe(bad[0])} is {answers[bad[0]]:.6g}"
        raise Stop(f"{text}, no probability in [0, 1] ({len(bad)} of {len(answers)} tried); {_advice(answers)}")
    for some in alone:
        if (apart := float(np.abs(some - answers[: len(some)]).max())) > NEIGHBOUR_TOLERANCE:
            raise Stop(f"{path}: a transaction's score differs by {apart:.2g} with the others in its batch")
    try:
        explain(session, manifest, features[:EXPLAINED])
    except ModelFailed as error:
        raise Stop(f"{path} fails on the many rows that reasons are computed from: {error}") from error


class _Description:
    """Describes in words what a transaction of the trial holds."""

    def __init__(self, values: list[_Value], picks: NDArray[np.int64]) -> None:
        self._values, self._picks = values, picks

    def __call__(self, row: int) -> str:
        unusual = np.flatnonzero(self._picks[row]).tolist()
        if not unusual:
            return "of ordinary values"
        named = [self._values[place].describe(int(self._picks[row, place])) for place in unusual[:3]]
        return ", ".join(named) + (" and more like it" if len(unusual) > len(named) else "")


def _ask(
    path: Path, session: onnxruntime.InferenceSession, features: NDArray[np.float32], describe: _Description
) -> NDArray[np.float64]:
    """Return the model's answers; where it fails, find a single row that it fails on."""
    try:
        return raw_answers(session, features)
    except ModelFailed as error:
        for row in range(len(features)):
            try:
                raw_answers(session, features[row : row + 1])
            except ModelFailed as cause:
                raise Stop(f"{path} fails on a transaction {describe(row)}: {cause}") from cause
        raise Stop(f"{path} fails on {len(features)} transactions at once: {error}") from error


def _advice(answers: NDArray[np.float64]) -> str:
    if not np.isfinite(answers).all():
        return "let the model itself fill in what is missing and bound what is large"
    return "if these are log-odds, let the graph end with a Sigmoid"


def _values(recipe: Recipe) -> Iterator[_Value]:
    """Yield the values that the recipe's features are made of, each with its choices."""
    week = tuple(ORDINARY_SECONDS + 3600 * hour for hour in range(HOURS_A_WEEK))
    months = tuple(ORDINARY_SECONDS + 30 * 86_400 * month for month in range(12))
    yield _Value("transaction_time", (*week, *months, FIRST_SECOND, LAST_SECOND))
    yield _Value("cat_id", (*recipe.categories, "a category that the recipe does not know"))
    yield _Value("gender", ("F", "X", None, "M"))
    for field in sorted(NUMBERS & (required_fields(recipe) | set(REQUIRED_FIELDS))):
        missing = () if field in REQUIRED_FIELDS else (np.nan,)
        yield _Value(field, (ORDINARY.get(field, 5_000.0), 0.0, *missing, -AMOUNT_LIMIT, AMOUNT_LIMIT))
    for name in PAST:
        if name in recipe.features:
            low = (-AMOUNT_LIMIT,) if name in NEGATIVE_PAST else ()
            yield _Value(name, (1.0, 0.0, np.nan, *low, AMOUNT_LIMIT))


def _is_missing(value: Any) -> bool:
    return value is None or bool(value != value)  # noqa: PLR0124  # NaN is not itself


def _picks(values: list[_Value]) -> NDArray[np.int64]:
    """Return which choice of each value each transaction has, int64 [n, values]; n is 1,000 or more."""
    sizes = np.array([len(value.choices) for value in values])
    alone = [(place, choice) for place, size in enumerate(sizes) for choice in range(1, size)]
    ordinary = np.zeros((1 + len(alone), len(values)), np.int64)
    for row, (place, choice) in enumerate(alone, start=1):
        ordinary[row, place] = choice
    extremes = np.array([[value.missing for value in values], sizes - 2, sizes - 1])  # each has two choices at least
    left = max(BATCHES) - len(ordinary) - len(extremes)
    mixtures = np.random.default_rng(SEED).integers(0, sizes, (max(left, 0), len(values)))
    return np.concatenate([ordinary, extremes, mixtures])


def _columns(values: list[_Value], picks: NDArray[np.int64]) -> Columns:
    """Return the transactions as the decoder would return them, with their past."""
    rows = len(picks)
    of = {
        value.name: [value.choices[choice] for choice in picks[:, place].tolist()] for place, value in enumerate(values)
    }
    return Columns(
        ids=[""] * rows,
        rows=np.arange(rows),
        seconds=np.array(of["transaction_time"], np.int64),
        numbers={name: np.array(column, np.float64) for name, column in of.items() if name in NUMBERS},
        texts={name: of[name] for name in ("cat_id", "gender")},
        past=np.stack([np.array(of.get(name, [np.nan] * rows), np.float64) for name in PAST], axis=1),
    )
