"""services.scorer.operations: every operation against values worked out by hand, missing ones included."""

import tomllib
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from services.common.contract.load import to_contract
from services.common.contract.model import Axis, LookupTable
from services.common.reading.values import Spellings
from services.scorer.compile import compile_features
from services.scorer.history.events import Events
from services.scorer.history.history import History
from services.scorer.operations.past import PAST_OPERATIONS, PastOperation
from services.scorer.operations.record import OPERATIONS
from services.scorer.operations.registry import KnownTexts, Operation

NAN = np.nan


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def numbers(*values: float) -> Any:
    return np.array(values, np.float64)


TIMES = numbers(at("2019-09-14 02:46:59"), at("2020-02-29 22:00"), at("2099-12-31 21:59:59"), NAN)
TEXTS = KnownTexts(
    ["web", "SHOP ", "on-line", "moon", None],
    {"web": 0.0, "shop": 1.0},
    Spellings(("web", "shop"), [("online", "web")]),
)
TABLE = LookupTable(axes=(Axis(values=("web", "shop")), Axis(edges=(10.0, 100.0))), values=tuple(map(float, range(9))))

LATITUDES, BETWEEN = np.radians((52.5, 55.75)), np.radians(37.62 - 13.4)
BERLIN_TO_MOSCOW = 6_371.0088 * np.arccos(
    np.prod(np.sin(LATITUDES)) + np.prod(np.cos(LATITUDES)) * np.cos(BETWEEN)
)  # by the spherical law of cosines

CASES: dict[str, list[tuple[list[Any], dict[str, Any], list[float]]]] = {
    "code": [([TEXTS], {}, [0, 1, 0, NAN, NAN]), ([TEXTS], {"unknown": -1.0}, [0, 1, 0, -1, NAN])],
    "hour": [([TIMES], {}, [2, 22, 21, NAN])],
    "minute_of_day": [([TIMES], {}, [166, 1_320, 1_319, NAN])],
    "weekday": [([TIMES], {}, [5, 5, 3, NAN])],  # two Saturdays and a Thursday
    "month": [([TIMES], {}, [9, 2, 12, NAN]), ([TIMES[:2].astype(np.int64)], {}, [9, 2])],
    "hour_between": [
        ([TIMES], {"first": 22, "end": 4}, [1, 1, 0, NAN]),
        ([TIMES], {"first": 2, "end": 22}, [1, 0, 1, NAN]),
        ([TIMES], {"first": 3, "end": 3}, [0, 0, 0, NAN]),
    ],
    "seconds_between": [([TIMES, TIMES[::-1]], {}, [NAN, TIMES[2] - TIMES[1], TIMES[1] - TIMES[2], NAN])],
    "log1p": [([numbers(0, np.e - 1, -1, -2, NAN)], {}, [0, 1, NAN, NAN, NAN])],
    "ratio": [([numbers(1, 1, 0, NAN, 1), numbers(4, 0, 0, 1, NAN)], {}, [0.25, NAN, NAN, NAN, NAN])],
    "difference": [([numbers(1, -1, NAN), numbers(4, -1, 1)], {}, [-3, 0, NAN])],
    "above": [([numbers(4, 5, 6, NAN)], {"limit": 5.0}, [0, 0, 1, NAN]), ([numbers(4)], {"limit": -5.0}, [1])],
    "is_missing": [
        ([numbers(0, NAN)], {}, [0, 1]),
        ([["", None]], {}, [0, 1]),
        ([TEXTS], {}, [0, 0, 0, 0, 1]),
        ([np.array([0, 1], np.int64)], {}, [0, 0]),
    ],
    "length": [([["", "ä b", None]], {}, [0, 3, NAN])],
    "haversine": [
        (
            [numbers(0, 90, 52.5, NAN), numbers(0, 0, 13.4, 0), numbers(0, -90, 55.75, 0), numbers(1, 0, 37.62, 0)],
            {},
            [111.19508, 20_015.1145, BERLIN_TO_MOSCOW, NAN],  # first a degree of the equator, and pole to pole
        )
    ],
    "table": [
        ([TEXTS, numbers(10, 10.5, 1e9, -5, NAN)], {"file": TABLE}, [0, 4, 2, 6, 8]),  # a field's spellings count
        ([["web", None], numbers(101, 10)], {"file": TABLE}, [2, 6]),
    ],
}


def test_every_operation_is_tried() -> None:
    """Also the one that comes next."""
    assert CASES.keys() == OPERATIONS.keys()
    assert PAST_CASES.keys() == PAST_OPERATIONS.keys()


@pytest.mark.parametrize(
    ("name", "operands", "options", "expected"), [(name, *case) for name, cases in CASES.items() for case in cases]
)
def test_an_operation_is_what_its_description_says(
    name: str, operands: list[Any], options: dict[str, Any], expected: list[float]
) -> None:
    """A column of numbers, NaN where there is none; flags are 0 or 1; what is never missing is not."""
    operation = OPERATIONS[name]
    found = np.asarray(operation.compute(*operands, **options), np.float64)

    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-12)
    assert not operation.flag or set(found[~np.isnan(found)].tolist()) <= {0.0, 1.0}
    assert operation.missing != "never" or not np.isnan(found).any()


HOUR = 3_600
PAYMENTS = [(0, 10.0, 1.0), (HOUR, 20.0, NAN), (HOUR, 7.0, 3.0), (25 * HOUR, 8.0, NAN), (25 * HOUR + 1, 4.0, 2.0)]
"""Seconds, amount (always there), fee (sometimes), of one customer."""

PAST_CASES: dict[str, list[tuple[dict[str, Any], list[float]]]] = {
    "count": [({"count": True}, [0, 1, 1, 3, 4]), ({"count": True, "within": "1h"}, [0, 1, 1, 0, 1])],
    "sum": [
        ({"sum": "amount"}, [0, 10, 10, 37, 45]),
        ({"sum": "amount", "within": "24h"}, [0, 10, 10, 27, 8]),
        ({"sum": "fee"}, [0, 1, 1, 4, 4]),
        ({"sum": "third", "decimals": 2}, [0, 3.33, 3.33, 12.33, 15.0]),
    ],
    "mean": [
        ({"mean": "amount"}, [NAN, 10, 10, 37 / 3, 45 / 4]),
        ({"mean": "amount", "within": "1h", "decimals": 0}, [NAN, 10, 10, NAN, 8]),
    ],
    "ratio_to_mean": [
        ({"ratio_to_mean": "amount", "decimals": 4}, [NAN, 2, 0.7, 0.6486, 0.3556]),
        ({"ratio_to_mean": "amount", "within": "1h"}, [NAN, 2, 0.7, NAN, 0.5]),
        ({"ratio_to_mean": "big"}, [NAN, NAN, NAN, 0, 0]),  # a mean of 0; then one of three is big
    ],
    "min": [
        ({"min": "amount"}, [NAN, 10, 10, 7, 7]),
        ({"min": "fee", "within": "24h"}, [NAN, 1, 1, 3, NAN]),
        ({"min": "fee"}, [NAN, 1, 1, 1, 1]),
    ],
    "max": [({"max": "amount"}, [NAN, 10, 10, 20, 20]), ({"max": "fee", "within": "1s"}, [NAN, NAN, NAN, NAN, NAN])],
    "last": [({"last": "amount"}, [NAN, 10, 10, 7, 8]), ({"last": "fee"}, [NAN, 1, 1, 3, NAN])],
    "seconds_since_last": [({"seconds_since_last": True}, [NAN, HOUR, HOUR, 24 * HOUR, 1])],
}


def past_contract(features: dict[str, Any]) -> Any:
    return to_contract(
        {
            "format": 1,
            "name": "past",
            "record": {"event_time": "at", "key": ["card"]},
            "fields": {
                "at": "time",
                "card": "text",
                "amount": {"type": "number", "required": True},
                "third": {"type": "number", "required": True},
                "fee": "number",
            },
            "derived": {"big": {"above": "amount", "limit": 15.0}},
            "features": features,
        }
    )


@pytest.mark.parametrize(
    ("given", "expected"), [case for cases in PAST_CASES.values() for case in cases], ids=lambda one: str(one)[:60]
)
def test_an_operation_over_the_past_is_what_its_description_says(given: dict[str, Any], expected: list[float]) -> None:
    """Of strictly earlier payments alone; two of the same second do not see each other."""
    plan = compile_features(past_contract({"it": given}))
    seconds, amounts, fees = np.array(PAYMENTS).T
    own = {"amount": amounts, "third": amounts / 3, "fee": fees, "big": (amounts > 15).astype(np.float64)}
    stored = np.array([own[name] for name in plan.numbers.stored], np.float32).reshape(-1, len(PAYMENTS))
    ids = np.arange(len(PAYMENTS), dtype=np.uint64)
    events = Events(np.ones(len(PAYMENTS), np.uint64), seconds.astype(np.int64), ids, stored)

    [found] = History(plan.numbers).observe(events, plan.readings).values.T

    np.testing.assert_allclose(found, expected, rtol=1e-6)


EXAMPLES = to_contract(
    {
        "format": 1,
        "name": "examples",
        "record": {"event_time": "paid_at", "key": ["city"]},
        "fields": {
            "paid_at": "time",
            "opened_at": "time",
            "channel": {"type": "text", "values": ["web", "shop"]},
            "amount": {"type": "number", "required": True},
            **dict.fromkeys(("city", "comment"), "text"),
            **dict.fromkeys(("income", "loan", "town_size", "lat", "lon", "shop_lat", "shop_lon"), "number"),
        },
        "derived": {"night": {"hour_between": "paid_at", "first": 22, "end": 4}},
        "features": {"amount": "amount"},
        "tables": {
            "risk.json": LookupTable(
                axes=(Axis(values=("web",)), Axis(edges=(0.5,)), Axis(edges=(10.0,))), values=(0.0,) * 8
            )
        },
    }
)


@pytest.mark.parametrize("operation", [*OPERATIONS.values(), *PAST_OPERATIONS.values()], ids=lambda one: one.name)
def test_every_operation_is_described_and_its_example_compiles(operation: Operation | PastOperation) -> None:
    """docs/contract.md is made of these."""
    [(name, given)] = tomllib.loads(operation.example).items()
    plan = compile_features(EXAMPLES.model_copy(update={"features": {name: given}}))

    assert operation.description.endswith((".", "1984."))
    assert operation.unit
    assert operation.name in given
    assert plan.names == (name,)
    assert all(option.kind for option in operation.options)
