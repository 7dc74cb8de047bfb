"""services.scorer.features: columns to the model's input."""

import numpy as np
import pytest

from services.scorer.compile import compile_features
from services.scorer.decode import Decoder
from tests.support.contracts import contract
from tests.support.messages import nested

CONTRACT = contract(
    ("hour", "minute_of_day", "weekday", "month", "amount", "category", "population", "gender", "distance_km"),
    values=("home", "grocery_net"),
)
PLAN = compile_features(CONTRACT)


def features(*values: bytes) -> "np.typing.NDArray[np.float32]":
    columns, rejects = Decoder(CONTRACT, PLAN.fields).decode(values, str)
    assert not rejects
    return PLAN.to_features(columns)


def test_features_are_what_their_names_say() -> None:
    """A transaction worked out by hand."""
    [row] = features(nested("a", transaction_time="2019-09-14 02:46", merchant_lat=33.1482, merchant_lon=-99.1872))

    assert row.dtype == np.float32
    assert row[:8].tolist() == pytest.approx([2, 166, 5, 9, 25.79, 1, 1897, 0])  # a Saturday
    assert row[8] == pytest.approx(111.195, abs=0.01)  # one degree of latitude


def test_what_is_missing_is_nan_and_what_is_unknown_is_other() -> None:
    """NaN for a missing number or sex, -1 for a category the contract does not list."""
    [row] = features(nested("a", population_city=None, gender="?", cat_id="space_travel", lat=None))

    assert np.isnan(row[[6, 7, 8]]).all()
    assert row[5] == -1


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    """A batch gives the same rows as its messages one by one."""
    values = [nested(f"{n}", amount=n + 0.1, transaction_time=f"2020-02-29 {n:02}:30") for n in range(24)]

    alone = np.vstack([features(value) for value in values])

    assert np.array_equal(features(*values), alone)


def test_a_plan_reads_no_more_fields_than_its_features_need() -> None:
    """So that a payment without any other field is scored."""
    of_features = {"population_city", "gender", "lat", "lon", "merchant_lat", "merchant_lon"}
    assert PLAN.fields == of_features | {"transaction_time", "amount", "cat_id"}
    assert not PLAN.uses_history
