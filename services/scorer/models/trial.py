"""Tries a model, before it is trusted, on everything that a transaction may hold.

The transactions are generated from the contract: an ordinary one, the first golden row; for each value that a feature
is made of, the ordinary one without it, and with its smallest and largest value; all of these at once; and random
mixtures.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.contract.model import TEXTS, FieldSpec
from services.common.errors import Stop
from services.common.reading.values import LAST_SECOND
from services.scorer.decode import Columns
from services.scorer.explain import explain
from services.scorer.features import FeaturePlan, Features
from services.scorer.history.look_back import Reading
from services.scorer.models.session import OnnxSession
from services.scorer.score import Model, ModelFailed, is_probability, raw_answers

BATCHES = (1, 2, 1_000)
EXPLAINED = 200
SEED = 28
NEIGHBOUR_TOLERANCE = 1e-5
"""ONNX Runtime may sum up in another order in another batch."""

HOURS_A_WEEK = 7 * 24
ORDINARY_SECONDS, FIRST_SECOND = 1_592_402_700, 0
"""2020-06-17 14:05, and the first second of the years that event_time accepts."""

NUMBER_LIMIT = 1e12
"""The largest number tried of a field without a limit of its own, and of the past."""

Named = str | Reading
"""A field, or what is seen of the past."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A value that transactions hold, and its choices: the ordinary one first, the largest last."""

    of: Named
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


def try_model(path: Path, model: Model, ordinary: Columns) -> None:
    """Ask a model for scores and reasons, in batches of 1, 2 and 1,000.

    Args:
        path: of the ONNX file, for errors.
        model: to try.
        ordinary: transactions the first of which is an ordinary one.

    Raises:
        Stop: it fails, gives a transaction no finite probability, or a score that depends on the rest of its batch.
    """
    session, plan = model.session, model.plan
    values = list(_values(plan, model.decoder.fields, ordinary))
    picks = _picks(values)
    features = model.features(_columns(plan, values, picks))
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
        explain(session, plan, model.manifest, features[:EXPLAINED])
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


def _ask(path: Path, session: OnnxSession, features: Features, describe: _Description) -> NDArray[np.float64]:
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


def _values(plan: FeaturePlan, fields: tuple[str, ...], ordinary: Columns) -> Iterator[_Value]:
    """Yield the values that features are made of, each with its choices."""
    contract = plan.contract
    for name in fields:
        spec, optional = contract.fields[name], name not in contract.required
        if name == contract.record.event_time:
            week = tuple(ORDINARY_SECONDS + 3600 * hour for hour in range(HOURS_A_WEEK))
            months = tuple(ORDINARY_SECONDS + 30 * 86_400 * month for month in range(12))
            yield _Value(name, name, (*week, *months, FIRST_SECOND, LAST_SECOND))
        elif name in ordinary.numbers:
            yield _Value(name, name, _numbers(spec, float(ordinary.numbers[name][0]), optional=optional))
        else:
            missing = (None,) if optional else ()
            texts = (*spec.values, "a text that the contract does not know", *missing)
            yield _Value(name, name, (ordinary.texts[name][0], *texts))
    for place, reading in enumerate(plan.columns):
        if isinstance(reading, Reading):
            low = (-NUMBER_LIMIT,) if reading.number else ()
            yield _Value(reading, plan.names[place], (1.0, 0.0, np.nan, *low, NUMBER_LIMIT))


def _numbers(spec: FieldSpec, ordinary: float, *, optional: bool) -> tuple[float, ...]:
    """Return the choices of a number: ordinary, 0 if allowed, missing, smallest, largest."""
    low = -NUMBER_LIMIT if spec.min is None else spec.min
    high = NUMBER_LIMIT if spec.max is None else spec.max
    return (ordinary, min(max(0.0, low), high), *((np.nan,) if optional else ()), low, high)


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


def _columns(plan: FeaturePlan, values: list[_Value], picks: NDArray[np.int64]) -> Columns:
    """Return the transactions as the decoder would return them, with their past."""
    rows, contract = len(picks), plan.contract
    of: dict[Named, list[Any]] = {
        value.of: [value.choices[choice] for choice in picks[:, place].tolist()] for place, value in enumerate(values)
    }
    seconds = of.pop(contract.record.event_time, [0] * rows) if contract.record.event_time else [0] * rows
    past = {name: np.array(column, np.float64) for name, column in of.items() if isinstance(name, Reading)}
    fields = {name: column for name, column in of.items() if isinstance(name, str)}
    is_text = {name: contract.fields[name].type in TEXTS for name in fields}
    return Columns(
        ids=[""] * rows,
        rows=np.arange(rows),
        seconds=np.array(seconds, np.int64),
        numbers={name: np.array(column, np.float64) for name, column in fields.items() if not is_text[name]},
        texts={name: column for name, column in fields.items() if is_text[name]},
        past=past,
    )
