"""Columns to the model's input matrix: the same code for training and for serving.

A feature is a named function of the columns and the recipe. The recipe in the model's manifest lists the features of
the model in their order. Features never identify a customer, a place or a calendar date.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.contract import CUSTOMER_FIELDS
from services.common.errors import Stop
from services.common.manifest import Recipe
from services.common.values import GENDERS, Spellings, ValueRepair
from services.scorer.decode import Columns
from services.scorer.event_time import SECONDS_A_DAY
from services.scorer.history.events import is_night
from services.scorer.history.history import PAST, WINDOWS

EARTH_RADIUS_KM = 6371.0088
URBAN_POPULATION = 2_500
_GENDER_CODES: dict[str | None, float] = {"F": 0.0, "M": 1.0}


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the matrix: the fields it needs and the function that computes it (float [n])."""

    fields: tuple[str, ...]
    compute: Callable[[Columns, Recipe], NDArray[Any]]


def required_fields(recipe: Recipe) -> set[str]:
    """Return the fields of a transaction that the recipe's features need.

    Raises:
        Stop: the recipe names a feature this code does not have.
    """
    if unknown := [name for name in recipe.features if name not in FEATURES]:
        raise Stop(f"the model wants features this scorer does not have: {', '.join(unknown)}")
    return {field for name in recipe.features for field in FEATURES[name].fields}


def to_features(columns: Columns, recipe: Recipe) -> NDArray[np.float32]:
    """Return the model's input, float32 [n, len(recipe.features)]; NaN where a value is missing.

    A value that float32 cannot hold (above 3.4e38) counts as missing.
    """
    matrix = np.empty((len(columns), len(recipe.features)), np.float32)
    with np.errstate(over="ignore"):
        for place, name in enumerate(recipe.features):
            matrix[:, place] = FEATURES[name].compute(columns, recipe)
    matrix[np.isinf(matrix)] = np.nan
    return matrix


def category_codes(columns: Columns, recipe: Recipe) -> NDArray[np.float64]:
    """Return the place of each category in the recipe, float64 [n]; a category it does not know is -1 ("other").

    Spellings that differ only by case, blanks, dashes or underscores are known.
    """
    return _look_up(recipe.codes, recipe.spellings, columns.texts["cat_id"], missing=-1.0)


def respelled(columns: Columns, recipe: Recipe) -> Counter[ValueRepair]:
    """Return how many categories and genders were read in another spelling than the model's or the contract's."""
    mends: Counter[ValueRepair] = Counter()
    for field, spellings, mend in (
        ("cat_id", recipe.spellings, ValueRepair.CATEGORY_SPELLING),
        ("gender", GENDERS, ValueRepair.GENDER_SPELLING),
    ):
        texts = columns.texts.get(field, ())
        if unusual := set(texts) - spellings.known - {None}:
            found = {text for text in unusual if text and spellings.find(text)}
            mends[mend] += sum(text in found for text in texts)
    return +mends


def unknown_categories(columns: Columns, recipe: Recipe) -> Counter[str]:
    """Return category -> transactions, of the categories that the model does not know."""
    texts = columns.texts["cat_id"]
    unknown = {text for text in set(texts) - recipe.spellings.known if text and recipe.spellings.find(text) is None}
    return Counter(text for text in texts if text in unknown) if unknown else Counter()


def transaction_risks(columns: Columns, recipe: Recipe) -> NDArray[np.float32]:
    """Return the risk of each transaction by itself, float32 [n]; 0 if the recipe has no table."""
    if recipe.risk is None:
        return np.zeros(len(columns), np.float32)
    return recipe.risk.table[cells(columns, recipe, recipe.risk.edges)]


def cells(columns: Columns, recipe: Recipe, edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the place of each transaction in a risk table with these edges of amounts, int64 [n]."""
    category = category_codes(columns, recipe).astype(np.int64)
    category[category < 0] = len(recipe.categories)
    bins = np.searchsorted(edges, columns.numbers["amount"])
    return (category * 2 + is_night(columns.seconds)) * (len(edges) + 1) + bins


def _look_up(
    codes: Mapping[str | None, float], spellings: Spellings, texts: Sequence[str | None], missing: float
) -> NDArray[np.float64]:
    found = np.fromiter(map(codes.get, texts, repeat(np.nan)), np.float64, len(texts))
    for place in np.flatnonzero(np.isnan(found)).tolist():
        text = texts[place]
        found[place] = codes.get(spellings.find(text) if text else None, missing)
    return found


def _hour(columns: Columns, _: Recipe) -> NDArray[Any]:
    return columns.seconds % SECONDS_A_DAY // 3600


def _minute_of_day(columns: Columns, _: Recipe) -> NDArray[Any]:
    return columns.seconds % SECONDS_A_DAY // 60


def _weekday(columns: Columns, _: Recipe) -> NDArray[Any]:
    return (columns.seconds // SECONDS_A_DAY + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0


def _month(columns: Columns, _: Recipe) -> NDArray[Any]:
    return columns.seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12 + 1


def _amount(columns: Columns, _: Recipe) -> NDArray[Any]:
    return columns.numbers["amount"]


def _population(columns: Columns, _: Recipe) -> NDArray[Any]:
    return columns.numbers["population_city"]


def _urban(columns: Columns, _: Recipe) -> NDArray[Any]:
    """1 for a home in a town of more than 2,500 people, else 0: the exact population nearly identifies a customer."""
    population = columns.numbers["population_city"]
    return np.where(np.isnan(population), np.nan, population > URBAN_POPULATION)


def _gender(columns: Columns, _: Recipe) -> NDArray[Any]:
    return _look_up(_GENDER_CODES, GENDERS, columns.texts["gender"], missing=np.nan)


def _distance(columns: Columns, _: Recipe) -> NDArray[Any]:
    """Kilometres from home to the merchant on the sphere (the haversine formula)."""
    home_lat, home_lon, lat, lon = (
        np.radians(columns.numbers[field]) for field in ("lat", "lon", "merchant_lat", "merchant_lon")
    )
    half_chord = np.sin((lat - home_lat) / 2) ** 2 + np.cos(lat) * np.cos(home_lat) * np.sin((lon - home_lon) / 2) ** 2
    distance: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half_chord, 0, 1)))
    return distance


def _of_the_past(place: int) -> Callable[[Columns, Recipe], NDArray[Any]]:
    def compute(columns: Columns, _: Recipe) -> NDArray[Any]:
        return np.full(len(columns), np.nan) if columns.past is None else columns.past[:, place]

    return compute


FEATURES: dict[str, Feature] = {
    "hour": Feature(("transaction_time",), _hour),
    "minute_of_day": Feature(("transaction_time",), _minute_of_day),
    "weekday": Feature(("transaction_time",), _weekday),
    "month": Feature(("transaction_time",), _month),
    "amount": Feature(("amount",), _amount),
    "category": Feature(("cat_id",), category_codes),
    "population": Feature(("population_city",), _population),
    "urban": Feature(("population_city",), _urban),
    "gender": Feature(("gender",), _gender),
    "distance_km": Feature(("lat", "lon", "merchant_lat", "merchant_lon"), _distance),
    **{name: Feature(CUSTOMER_FIELDS, _of_the_past(place)) for place, name in enumerate(PAST)},
}
"""Every feature this code can compute, by the name a recipe uses."""

GROUPS: dict[str, tuple[str, ...]] = {
    "amount": ("amount", "amount_over_mean"),
    "category": ("category",),
    "hour": ("hour", "minute_of_day"),
    "date": ("weekday", "month"),
    "pace": (
        *(f"{what}_{window}" for window in WINDOWS for what in ("count", "sum", "night_count", "risk")),
        "last_risk",
    ),
    "last": ("seconds_since_last", "last_amount"),
    "past": ("count_so_far",),
    "customer": ("population", "urban", "gender"),
    "distance": ("distance_km",),
}
"""Features about one subject, by the name of the reason they make (services.scorer.explain).

Features that carry the same information are in one group: the windows lie within each other, and risks repeat counts
and sums, so each of them could be replaced alone without much effect.
"""
