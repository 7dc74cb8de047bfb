"""Trees that most transactions leave early: what the first of them take for settled is not shown to the others.

Boosted trees add up to a score, and most transactions are legitimate beyond doubt after a few of them (B. B. Cambazoglu
and others, "Early Exit Optimizations for Additive Machine Learned Ranking Systems", WSDM 2010; LightGBM has the like
for its own predictions, `pred_early_stop`). A transaction's score depends on it alone, not on its neighbours.
"""

import math
from itertools import compress
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from onnx.helper import get_attribute_value, make_node
from onnx.numpy_helper import from_array

from onnx import NodeProto, TensorProto

FIRST_TREES = 40
SETTLED = 0.0005
"""A transaction with a lower score by the first trees is settled."""

REST = -4.0
"""Log-odds that a settled transaction is given for what the other trees would add: about their average for such."""

OUTPUT = "probability"
THRESHOLD = "settled"
"""An optional input: the log-odds of SETTLED if it is not given. With -inf no transaction leaves early."""


def predict(booster: lightgbm.Booster, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probability of fraud, float64 [n], as the graph below gives it."""
    if booster.num_trees() <= FIRST_TREES:
        return np.asarray(booster.predict(features), np.float64)
    first = np.asarray(booster.predict(features, num_iteration=FIRST_TREES, raw_score=True), np.float64)
    odds = np.where(first < _log_odds(SETTLED), first + REST, booster.predict(features, raw_score=True))
    return np.asarray(1 / (1 + np.exp(-odds)), np.float64)


def to_nodes(trees: NodeProto, features: str) -> tuple[list[NodeProto], list[TensorProto]]:
    """Return the nodes, and their constants, that make of `features`, [n, k], the OUTPUT, [n, 1].

    Args:
        trees: a TreeEnsembleClassifier of two classes, as onnxmltools makes it of a booster.
        features: name of the input.
    """
    attributes = {attribute.name: get_attribute_value(attribute) for attribute in trees.attribute}
    count = max(attributes["nodes_treeids"]) + 1
    if count <= FIRST_TREES:
        return [_part(attributes, range(count), features, "sums"), make_node("Sigmoid", ["sums"], [OUTPUT])], []
    nodes = [
        _part(attributes, range(FIRST_TREES), features, "first_sums"),
        make_node("GreaterOrEqual", ["first_sums", THRESHOLD], ["open_column"]),
        make_node("Squeeze", ["open_column", "column"], ["open"]),
        make_node("NonZero", ["open"], ["open_places"]),
        make_node("Transpose", ["open_places"], ["rows"]),
        make_node("GatherND", [features, "rows"], ["open_features"]),
        make_node("GatherND", ["first_sums", "rows"], ["open_first_sums"]),
        _part(attributes, range(FIRST_TREES, count), "open_features", "open_other_sums"),
        make_node("Add", ["open_first_sums", "open_other_sums"], ["open_sums"]),
        make_node("Add", ["first_sums", "rest"], ["settled_sums"]),
        make_node("ScatterND", ["settled_sums", "rows", "open_sums"], ["sums"]),
        make_node("Sigmoid", ["sums"], [OUTPUT]),
    ]
    constants = {
        THRESHOLD: np.float32(_log_odds(SETTLED)),
        "rest": np.float32(REST),
        "column": np.array([1], np.int64),
    }
    return nodes, [from_array(np.asarray(value), name) for name, value in constants.items()]


def _log_odds(score: float) -> float:
    return math.log(score / (1 - score))


def _part(attributes: dict[str, Any], trees: range, features: str, sums: str) -> NodeProto:
    """Return the node that sums up some of the trees."""
    nodes = [tree in trees for tree in attributes["nodes_treeids"]]
    leaves = [tree in trees for tree in attributes["class_treeids"]]
    kept: dict[str, Any] = {
        name: list(compress(values, nodes)) for name, values in attributes.items() if name.startswith("nodes_")
    }
    given = {name: list(compress(attributes[f"class_{name}"], leaves)) for name in ("treeids", "nodeids", "weights")}
    targets: dict[str, Any] = {f"target_{name}": values for name, values in given.items()}
    return make_node(
        "TreeEnsembleRegressor", [features], [sums], domain="ai.onnx.ml",
        n_targets=1, target_ids=[0] * sum(leaves), **kept, **targets,
    )  # fmt: skip
