"""A history from before there were contracts goes on: data written by the code of that time.

before_contracts.json.gz holds the records of one partition of `scorer.history`, compacted (one customer has more events
than are stored, so that there are sums), the 80 messages that came next, and the features that it made of them.
"""

import base64
import gzip
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import pytest

from services.common.errors import Stop
from services.common.settings import project_root
from services.scorer.history.changelog import DEFINITIONS_KEY, from_records
from services.scorer.history.numbers import PastNumber, PastNumbers
from services.scorer.models.load import load_model
from services.scorer.recall import PartitionHistories

WRITTEN = orjson.loads(gzip.decompress(Path(__file__).with_name("before_contracts.json.gz").read_bytes()))
RECORDS: list[tuple[bytes, bytes | None]] = [
    (base64.b64decode(key), base64.b64decode(value)) for key, value in WRITTEN["records"]
]


def message(key: str, value: dict[str, Any]) -> Any:
    return SimpleNamespace(key=key.encode, value=lambda: orjson.dumps(value), partition=lambda: 0)


def test_the_next_transactions_see_what_they_would_have_seen() -> None:
    model = load_model(project_root() / "onnx")
    histories = PartitionHistories(model.plan, lambda _: [(0, from_records(model.plan.numbers, RECORDS))])
    histories.follow({0: 1})
    messages = [message(key, value) for key, value in WRITTEN["messages"]]
    columns, _ = model.decoder.decode([one.value() for one in messages], str)

    columns, changes = histories.recall(messages, columns, model.plan.readings)

    assert np.array_equal(model.features(columns), np.array(WRITTEN["features"], np.float32), equal_nan=True)
    assert sum(record["key"] == DEFINITIONS_KEY for record in changes[0]) == 1, "from here on it says what it holds"


@pytest.mark.parametrize("numbers", [PastNumbers({}), PastNumbers({"sum": PastNumber("sum", "{}", summed=True)})])
def test_any_other_contract_refuses_it(numbers: PastNumbers) -> None:
    with pytest.raises(Stop, match=r"before there were contracts, for cards: .*--new-history"):
        from_records(numbers, RECORDS)
