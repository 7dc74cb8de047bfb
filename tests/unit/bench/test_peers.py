"""Peers compute the same scores as the scorer, on the same messages."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest

from bench.java import locked_jar_version
from bench.messages import customer_stream
from bench.peers.model import Model, open_message
from bench.peers.usual_loop import to_features
from bench.rates import scores_without_history
from bench.venvs import REQUIREMENTS, locked_version
from services.scorer.settings import ScorerSettings
from stack.jars import read_lock
from tests.support.contracts import CUSTOMER_FIELDS, customer_key
from tests.support.messages import FRAUD, TRANSACTION, flat, nested

TRANSACTIONS: list[dict[str, Any]] = [
    TRANSACTION,
    FRAUD,
    TRANSACTION | {"gender": "M", "amount": 7, "transaction_time": "2020-02-29 00:00"},
    TRANSACTION | {"cat_id": "never seen"},
]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(ScorerSettings().model_dir)


def test_a_peer_scores_like_the_scorer_without_history(model: Model) -> None:
    """Within 1e-5, one at a time and all at once, in the same message."""
    ours = scores_without_history([flat(str(number), **transaction) for number, transaction in enumerate(TRANSACTIONS)])
    rows = [model.to_row(transaction) for transaction in TRANSACTIONS]

    together, alone = model.score(rows), [model.score([row])[0] for row in rows]

    assert together == pytest.approx(alone, abs=1e-6)
    for number, probability in enumerate(together):
        result = model.result(str(number), probability)
        assert result["score"] == pytest.approx(ours[str(number)], abs=1e-5)
        assert set(result) == {"transaction_id", "score", "fraud_flag"}


def test_the_usual_loop_has_the_same_features(model: Model) -> None:
    """With pandas, one row at a time; a missing population is NaN for both."""
    for transaction in [*TRANSACTIONS, TRANSACTION | {"population_city": None}]:
        frame = to_features(pd.DataFrame([transaction]), model).to_numpy("float32")
        np.testing.assert_array_equal(frame, np.array([model.to_row(transaction)], np.float32))


def test_peers_read_both_forms() -> None:
    """Nested and flat."""
    assert open_message(orjson.loads(nested("a"))) == ("a", TRANSACTION)
    assert open_message(orjson.loads(flat("a")))[1].items() >= TRANSACTION.items()


def test_every_customer_of_a_stream_pays_once_before_one_pays_again() -> None:
    """Keys are those of the contract; times increase and are valid dates."""
    leap = TRANSACTION | {"transaction_time": "2020-02-29 02:46"}
    base = [(b"", nested("a", **leap)), (b"", nested("b", transaction_time="2020-03-01 00:00"))]

    stream = list(customer_stream(base, customers=10, first=0, count=20))

    data = [orjson.loads(value)["data"] for _, value in stream]
    assert [key for key, _ in stream] == [customer_key(one) for one in data]
    people = [tuple(one[field] for field in CUSTOMER_FIELDS) for one in data]
    assert len(set(people[:10])) == len(set(people)) == 10
    assert people[:10] == people[10:]
    times = [pd.Timestamp(one["transaction_time"]) for one in data]
    assert times == sorted(times)
    assert stream[12:15] == list(customer_stream(base, customers=10, first=12, count=3))


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.glob("bench-*.txt")), ids=lambda path: path.stem)
def test_peers_score_with_the_same_library_versions(path: Path) -> None:
    """Only the code around the model differs."""
    ours = (REQUIREMENTS / "scorer.txt").read_text()
    peer = path.stem.removeprefix("bench-")
    for library in ("onnxruntime", "numpy"):
        assert f"\n{library}=={locked_version(peer, library)} " in ours


def test_kafka_streams_has_the_version_of_the_broker() -> None:
    """Its jars have a lock of their own."""
    assert f"org.apache.kafka:kafka-clients:{locked_jar_version('kafka-streams')}" in read_lock()
