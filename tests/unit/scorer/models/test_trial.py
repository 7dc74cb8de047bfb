"""A model is tried before it is trusted: what passes on its golden row and fails on real batches is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx import helper
from services.common.contract.model import Contract
from services.common.errors import Stop
from services.scorer.models.load import load_model
from tests.support.contracts import contract
from tests.support.models import to_onnx, write_artifact, write_constant, write_probe

TOWN = contract(("amount", "population"))
HOUR = contract(("amount", "hour"))
node = helper.make_node
SUM = node("ReduceSum", ["features", "axis"], ["sum"], keepdims=1)
SIGMOID = node("Sigmoid", ["sum"], ["probability"])
AXIS = {"axis": np.array([1])}
AMOUNT = node("Gather", ["features", "first"], ["amount"], axis=1)
FIRST = {"first": np.array([0])}

BROKEN: dict[str, tuple[Contract, list[Any], dict[str, Any], str]] = {
    "a town that is not known": (TOWN, [SUM, SIGMOID], AXIS, r"without population_city is nan"),
    "a refund": (
        HOUR,
        [AMOUNT, node("Log", ["amount"], ["sum"]), SIGMOID],
        FIRST,
        r"with amount = -1e\+12 is nan",
    ),
    "a large amount": (
        HOUR,
        [
            AMOUNT,
            node("Exp", ["amount"], ["odds"]),
            node("Add", ["odds", "one"], ["more"]),
            node("Div", ["odds", "more"], ["probability"]),
        ],
        FIRST | {"one": np.float32(1)},
        r"with amount = 1e\+12 is nan",
    ),
    "log-odds": (
        HOUR,
        [AMOUNT, node("Div", ["amount", "thousand"], ["probability"])],
        FIRST | {"thousand": np.float32(1000)},
        r"with amount = -1e\+12 is -1e\+09, no probability in \[0, 1\].*Sigmoid",
    ),
    "two rows": (
        HOUR,
        [
            SUM,
            node("Reshape", ["sum", "shape"], ["one"]),
            node("Sigmoid", ["one"], ["probability"]),
        ],
        AXIS | {"shape": np.array([1, 1])},
        r"fails on 2 transactions at once",
    ),
    "an answer a batch": (
        HOUR,
        [SUM, node("ReduceMean", ["sum"], ["mean"], axes=[0]), node("Sigmoid", ["mean"], ["probability"])],
        AXIS,
        r"the shape \[1, 1\] to 2 rows",
    ),
    "company": (
        HOUR,
        [SUM, node("Softmax", ["sum"], ["probability"], axis=0)],
        AXIS,
        r"score differs by .* with the others in its batch",
    ),
    "the afternoon": (
        contract(("hour",)),
        [node("Cast", ["features"], ["hour"], to=7), node("Gather", ["table", "hour"], ["probability"])],
        {"table": np.linspace(0, 1, 20, dtype=np.float32)},
        r"fails on a transaction with transaction_time = 2020-06-17T20:05:00: .*out of data bounds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_model_that_fails_on_what_transactions_may_hold_is_refused(case: str, tmp_path: Path) -> None:
    """Its golden row comes out right, and the message names what it cannot score."""
    given, nodes, constants, message = BROKEN[case]
    score = 1.0 if case == "company" else None
    folder = write_artifact(tmp_path, "b", to_onnx(nodes, constants, len(given.features)), given, score)

    with pytest.raises(Stop, match=message):
        load_model(folder)


def test_sound_models_pass(tmp_path: Path) -> None:
    """One of the transaction, one of the whole past."""
    assert load_model(write_constant(tmp_path / "a", "a", 0.25)).manifest.version == "a"
    assert load_model(write_probe(tmp_path / "b")).manifest.version == "probe"
