"""Explains why transactions are flagged: how the score changes if a group of features has its usual values.

A group's features are replaced by reference values, and the change of the score's log-odds is the group's contribution
(occlusion: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014). Only the model's answers
are used, so this works for any ONNX model. Groups are replaced one at a time: where two of them carry the same
information, the contribution of each is underestimated.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

import numpy as np
import onnxruntime
import orjson
from numpy.typing import NDArray

from services.common.manifest import Manifest
from services.scorer.features import FeaturePlan
from services.scorer.score import probabilities

MOST_REASONS = 3
LEAST_SIZE = 0.1
"""Smallest change of the log-odds that counts as a reason: odds that change by a tenth."""

SIZE_DECIMALS = 3
CERTAIN = 1e-7
"""Probabilities closer to 0 or 1 are clipped: float32 has no finer steps there (2^-24 below 1)."""


class GivenReason(TypedDict):
    """A group of features that moved the score.

    `size` is the absolute change of the log-odds (natural logarithm); `values` are the group's features: a
    number, the category's name, or None where the value is missing.
    """

    feature: str
    direction: Literal["up", "down"]
    size: float
    values: dict[str, float | str | None]


def explain(
    session: onnxruntime.InferenceSession, plan: FeaturePlan, manifest: Manifest, features: NDArray[np.float32]
) -> list[list[GivenReason]]:
    """Return at most MOST_REASONS reasons of each transaction, the largest first.

    A group whose values are all missing is no reason, nor is one that changes the log-odds by less than LEAST_SIZE. A
    feature without a reference in the manifest is replaced by NaN, as if its value were missing.

    Args:
        session: of the model.
        plan: its features and their groups.
        manifest: for its references.
        features: float32 [n, k], usually of the flagged transactions of a batch.
    """
    if not len(features):
        return []
    groups = {name: list(places) for name, places in plan.groups.items()}
    changes = _changes(session, features, list(groups.values()), _usual(plan.names, manifest.references))
    order = np.argsort(-np.abs(changes), axis=0, kind="stable")[:MOST_REASONS]
    names, values = list(groups), _shortest(features)
    return [
        [
            _reason(names[group], float(changes[group, row]), plan, groups[names[group]], values[row])
            for group in order[:, row].tolist()
            if abs(changes[group, row]) >= LEAST_SIZE
        ]
        for row in range(len(features))
    ]


def _usual(names: Sequence[str], references: Mapping[str, float | None]) -> NDArray[np.float32]:
    return np.array([references.get(name) for name in names], np.float32)


def _changes(
    session: onnxruntime.InferenceSession,
    features: NDArray[np.float32],
    groups: list[list[int]],
    usual: NDArray[np.float32],
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


def _are_unusual(values: NDArray[np.float32], usual: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which rows of a group's values, [n, m], differ from the usual ones and are not missing, bool [n]."""
    unusual: NDArray[np.bool_] = (values != usual).any(axis=1) & ~np.isnan(values).all(axis=1)
    return unusual


def _log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(scores, CERTAIN, 1 - CERTAIN)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds


def _shortest(features: NDArray[np.float32]) -> list[list[float | None]]:
    """Return the values [n][k] as the shortest decimals that round to the same float32, None for NaN: as in JSON."""
    written = orjson.dumps(np.ascontiguousarray(features), option=orjson.OPT_SERIALIZE_NUMPY)
    values: list[list[float | None]] = orjson.loads(written)
    return values


def _reason(group: str, change: float, plan: FeaturePlan, places: list[int], values: list[float | None]) -> GivenReason:
    return {
        "feature": group,
        "direction": "up" if change > 0 else "down",
        "size": round(abs(change), SIZE_DECIMALS),
        "values": {plan.names[place]: _value(plan.texts.get(place), values[place]) for place in places},
    }


def _value(texts: Sequence[str] | None, value: float | None) -> float | str | None:
    """Return a feature's value, a code by its text; None for a code of no known text."""
    if texts is not None and value is not None:
        return texts[int(value)] if 0 <= value < len(texts) else None
    return value
