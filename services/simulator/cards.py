"""The fields of card transactions as the competition names them, and the key that says who paid."""

from collections.abc import Mapping
from typing import Any

FIELDS = (
    "transaction_time", "merch", "cat_id", "amount", "name_1", "name_2", "gender", "street", "one_city",
    "us_state", "post_code", "lat", "lon", "population_city", "jobs", "merchant_lat", "merchant_lon",
)  # fmt: skip
"""The 17 columns of the competition's test.csv, in its order."""


def customer_key(data: Mapping[str, Any]) -> bytes:
    """Return the Kafka key of a simulated transaction, in which nothing is missing."""
    return "|".join((data["name_1"], data["name_2"], data["street"])).encode()
