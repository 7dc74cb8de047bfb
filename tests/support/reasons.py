"""Transactions and the reasons that the shipped model has to flag them."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from services.common.contract.key import record_key
from services.common.settings import project_root
from services.scorer.explain import GivenReason, explain
from services.scorer.models.load import load_model
from services.scorer.recall import PartitionHistories
from services.scorer.score import Model
from tests.support.messages import TRANSACTION

CATEGORIES = ("grocery_net", "home", "gas_transport", "food_dining")
CALM = [
    TRANSACTION
    | {"transaction_time": f"2019-08-{day:02d} 1{day % 10}:05", "amount": 20 + day, "cat_id": CATEGORIES[day % 4]}
    for day in range(1, 32)
]
"""A month of small transactions by day, of one customer."""

BURST = [
    TRANSACTION | {"transaction_time": f"2019-09-01 23:{10 + at}", "cat_id": category, "amount": amount}
    for at, (category, amount) in enumerate(
        [("shopping_net", 995.7), ("misc_net", 805.0), ("grocery_pos", 310.0), ("shopping_pos", 880.0)]
    )
]

NIGHT = TRANSACTION | {"transaction_time": "2019-09-01 23:40", "cat_id": "shopping_pos", "amount": 880}
"""A huge transaction of the same customer."""


@dataclass(frozen=True, slots=True)
class Read:
    """A message as the scorer's memory sees it."""

    content: bytes
    owner: bytes | None

    def value(self) -> bytes:
        return self.content

    def key(self) -> bytes | None:
        return self.owner

    def partition(self) -> int:
        return 0


@cache
def shipped() -> Model:
    return load_model(project_root() / "onnx")


def features_of(transactions: list[dict[str, Any]]) -> NDArray[np.float32]:
    """Return what the model sees of transactions that come one after another."""
    model = shipped()
    messages: list[Any] = [
        Read(orjson.dumps(transaction), record_key(transaction, model.plan.contract)) for transaction in transactions
    ]
    memory = PartitionHistories(model.plan)
    memory.follow({0: 1})
    columns, rejects = model.decoder.decode([message.value() for message in messages], str)
    assert not rejects
    return model.features(memory.recall(messages, columns, model.plan.readings)[0])


def reasons_of(transactions: list[dict[str, Any]]) -> list[GivenReason]:
    """Return the reasons of the last of them, which must be flagged."""
    model = shipped()
    last = features_of(transactions)[-1:]
    assert model.flag(model.score(last)).all()
    [reasons] = explain(model.session, model.plan, model.manifest, last)
    return reasons
