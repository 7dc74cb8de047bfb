"""services.scorer.features: columns to the model's input."""

import numpy as np
import pytest

from services.common.errors import Stop
from services.common.manifest import Recipe
from services.scorer.decode import Decoder
from services.scorer.features import FEATURES, required_fields, to_features
from tests.support.messages import nested

RECIPE = Recipe(
    features=("hour", "minute_of_day", "weekday", "month", "amount", "category", "population", "gender", "distance_km"),
    categories=("home", "grocery_net"),
)


def features(*values: bytes) -> "np.typing.NDArray[np.float32]":
    columns, rejects = Decoder(required_fields(RECIPE)).decode(values, str)
    assert not rejects
    return to_features(columns, RECIPE)


def test_features_are_what_their_names_say() -> None:
    """A transaction worked out by hand."""
    [row] = features(nested("a", transaction_time="2019-09-14 02:46", merchant_lat=33.1482, merchant_lon=-99.1872))

    assert row.dtype == np.float32
    assert row[:8].tolist() == pytest.approx([2, 166, 5, 9, 25.79, 1, 1897, 0])  # a Saturday
    assert row[8] == pytest.approx(111.195, abs=0.01)  # one degree of latitude


def test_what_is_missing_is_nan_and_what_is_unknown_is_other() -> None:
    """NaN for a missing number or sex, -1 for a category the recipe does not list."""
    [row] = features(nested("a", population_city=None, gender="?", cat_id="space_travel", lat=None))

    assert np.isnan(row[[6, 7, 8]]).all()
    assert row[5] == -1


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    """A batch gives the same rows as its messages one by one."""
    values = [nested(f"{n}", amount=n + 0.1, transaction_time=f"2020-02-29 {n:02}:30") for n in range(24)]

    alone = np.vstack([features(value) for value in values])

    assert np.array_equal(features(*values), alone)


def test_a_feature_this_code_does_not_have_stops_the_start() -> None:
    """The recipe of a newer model is refused by name, before anything is scored."""
    with pytest.raises(Stop, match="phase_of_moon"):
        required_fields(Recipe(features=("hour", "phase_of_moon"), categories=("home",)))


def test_every_feature_names_fields_of_the_contract() -> None:
    """So that the decoder is asked for nothing that no message has."""
    from services.common.contract.cards import FIELDS  # noqa: PLC0415

    assert {field for feature in FEATURES.values() for field in feature.fields} <= set(FIELDS)
