"""Explains why transactions are flagged: how the score changes if a group of features has its usual values.

A group's features are replaced by reference values, and the change of the score's log-odds is the group's contribution
(occlusion: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014). Only the model's answers
are used, so this works for any ONNX model. Groups are replaced one at a time: where two of them carry the same
information, the contribution of each is underestimated.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict

import numpy as np
import orjson
from numpy.typing import NDArray

from services.common.manifest import Manifest
from services.scorer.features import FeaturePlan, Features
from services.scorer.models.session import OnnxSession
from services.scorer.score import probabilities

MOST_REASONS = 3
LEAST_SIZE = 0.1
"""Smallest change of the log-odds that counts as a reason: odds that change by a tenth."""

SIZE_DECIMALS = 3
CERTAIN = 1e-7
"""Probabilities closer to 0 or 1 are clipped: float32 has no finer steps there (2^-24 below 1)."""


TEXT_MAX_CHARACTERS = 1_000
"""Longer texts of a transaction are cut: with what the scorer adds, an alert must not exceed the largest message."""


class GivenReason(TypedDict):
    """A group of features that moved the score.

    `size` is the absolute change of the log-odds (natural logarithm); `values` are the group's features: a
    number, a text (the category's name), or None where the value is missing.
    """

    feature: str
    direction: Literal["up", "down"]
    size: float
    values: dict[str, float | str | None]


def explain(session: OnnxSession, plan: FeaturePlan, manifest: Manifest, features: Features) -> list[list[GivenReason]]:
    """Return at most MOST_REASONS reasons of each transaction, the largest first.

    A group whose values are all missing is no reason, nor is one that changes the log-odds by less than LEAST_SIZE. A
    feature without a reference in the manifest is replaced as if its value were missing: by NaN, a text by "".

    Args:
        session: of the model.
        plan: its features and their groups.
        manifest: for its references.
        features: [n, k], usually of the flagged transactions of a batch.
    """
    if not len(features):
        return []
    groups = {name: list(places) for name, places in plan.groups.items()}
    usual = plan.from_manifest([[manifest.references.get(name) for name in plan.names]], features.dtype)[0]
    changes = _changes(session, features, list(groups.values()), usual)
    order = np.argsort(-np.abs(changes), axis=0, kind="stable")[:MOST_REASONS]
    names, values = list(groups), as_written(features)
    return [
        [
            _reason(names[group], float(changes[group, row]), plan, groups[names[group]], values[row])
            for group in order[:, row].tolist()
            if abs(changes[group, row]) >= LEAST_SIZE
        ]
        for row in range(len(features))
    ]


def _changes(
    session: OnnxSession, features: Features, groups: list[list[int]], usual: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the contribution of each group to the log-odds, float64 [groups, n], in one call of the model.

    Rows are scored again only where a group has values and they are not the usual ones: else nothing would change.
    """
    asked = np.array([_are_unusual(features[:, places], usual[places]) for places in groups])
    which, rows = np.nonzero(asked)
    versions = features[rows]
    for group, places in enumerate(groups):
        versions[np.ix_(which == group, places)] = usual[places]
    odds = _log_odds(probabilities(session, np.concatenate([features, versions]), all_trees=True))
    found = odds[rows] - odds[len(features) :]
    changes = np.zeros(asked.shape)
    changes[which, rows] = np.where(np.isfinite(found), found, 0.0)
    return changes


def _are_unusual(values: Features, usual: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows of a group's values, [n, m], differ from the usual ones and are not missing, bool [n]."""
    unusual: NDArray[np.bool_] = (values != usual).any(axis=1) & ~_are_missing(values).all(axis=1)
    return unusual


def _are_missing(values: Features) -> NDArray[np.bool_]:
    if values.dtype != np.object_:
        return np.isnan(values)
    missing: NDArray[np.bool_] = (values != values) | (values == "")  # noqa: PLR0124  # NaN is not itself
    return missing


def _log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(scores, CERTAIN, 1 - CERTAIN)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds


def as_written(features: Features) -> list[list[float | str | None]]:
    """Return the values [n][k] as JSON has them: the shortest decimals of the same float, None for what is missing."""
    if features.dtype == np.object_:
        return [
            [None if gone else value for value, gone in zip(row, missing, strict=True)]
            for row, missing in zip(features.tolist(), _are_missing(features).tolist(), strict=True)
        ]
    written = orjson.dumps(np.ascontiguousarray(features), option=orjson.OPT_SERIALIZE_NUMPY)
    values: list[list[float | str | None]] = orjson.loads(written)
    return values


def _reason(
    group: str, change: float, plan: FeaturePlan, places: list[int], values: list[float | str | None]
) -> GivenReason:
    return {
        "feature": group,
        "direction": "up" if change > 0 else "down",
        "size": round(abs(change), SIZE_DECIMALS),
        "values": {plan.names[place]: _value(plan.texts.get(place), values[place]) for place in places},
    }


def _value(texts: Sequence[str] | None, value: float | str | None) -> float | str | None:
    """Return a feature's value, a code by its text; None for a code of no known text."""
    if isinstance(value, str):
        return value[:TEXT_MAX_CHARACTERS]
    if texts is not None and value is not None:
        return texts[int(value)] if 0 <= value < len(texts) else None
    return value
