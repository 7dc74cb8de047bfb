"""Contracts made for tests: that of card transactions with other features, and any other one."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from services.common.contract.key import record_key
from services.common.contract.load import read_contract, to_contract
from services.common.contract.model import CONTRACT_NAME, Axis, Contract, LookupTable
from services.common.settings import project_root
from services.scorer.compile import compile_features
from services.scorer.features import FeaturePlan
from services.scorer.history.look_back import Reading

SHIPPED = project_root() / "onnx"

MORE_FEATURES: dict[str, Any] = {
    "minute_of_day": {"minute_of_day": "transaction_time", "group": "hour"},
    "distance_km": {"haversine": ["lat", "lon", "merchant_lat", "merchant_lon"], "group": "distance"},
}
"""Features of card transactions that the shipped model does not take."""


@cache
def cards() -> Contract:
    """Return the shipped contract."""
    return read_contract(SHIPPED)


@cache
def cards_plan() -> FeaturePlan:
    """Return the shipped contract, compiled."""
    return compile_features(cards())


@cache
def past_features() -> tuple[str, ...]:
    """Return the names of the shipped contract's features of the past, in the order of its readings."""
    plan = cards_plan()
    return tuple(
        name for name, column in zip(plan.names, plan.columns, strict=True) if isinstance(column, Reading)
    )  # fmt: skip


FIELDS = tuple(cards().fields)
"""The 17 columns of the competition's test.csv, in its order."""

TEXT_FIELDS = tuple(name for name in FIELDS if not cards().fields[name].is_number)
INTEGER_FIELDS = tuple(name for name in FIELDS if cards().fields[name].type == "integer")
DECIMAL_FIELDS = tuple(name for name in FIELDS if cards().fields[name].type in {"number", "coordinate"})
CUSTOMER_FIELDS = cards().record.key


def customer_key(data: Mapping[str, Any]) -> bytes | None:
    """Return the Kafka key of a card transaction, or None if a part of its customer is missing."""
    return record_key(data, cards())


def contract(
    features: Iterable[str] | Mapping[str, Any],
    values: Iterable[str] = ("home",),
    risk: LookupTable | None = None,
    **sections: Any,
) -> Contract:
    """Return a contract of card transactions.

    Args:
        features: names of features of cards, or features.
        values: the known categories.
        risk: the table of risks; the shipped one with other categories if None.
        sections: which replace those of the shipped file.
    """
    found = parsed_cards()
    known = found["features"] | MORE_FEATURES
    found["fields"]["cat_id"]["values"] = list(values)
    found["features"] = dict(features) if isinstance(features, Mapping) else {name: known[name] for name in features}
    tables = {"risk.json": risk} if risk else cards().tables
    return to_contract(found | {"tables": tables} | sections)


def risk_table(values: Iterable[str], edges: Iterable[float], risks: Iterable[float]) -> LookupTable:
    """Return a table of risks by category, day or night, and amount."""
    axes = (Axis(values=tuple(values)), Axis(edges=(0.5,)), Axis(edges=tuple(edges)))
    return LookupTable(axes=axes, values=tuple(risks))


def parsed_cards() -> dict[str, Any]:
    """Return the shipped contract file, parsed, free to be changed."""
    return tomllib.loads((SHIPPED / CONTRACT_NAME).read_text(encoding="utf-8"))


def write_contract(folder: Path, contract: Contract) -> Contract:
    """Write a contract and its tables to a folder; return it as it is read from there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in contract.tables.items():
        (folder / name).write_text(table.model_dump_json(), encoding="utf-8")
    (folder / CONTRACT_NAME).write_text(to_toml(contract.model_dump(exclude_defaults=True)), encoding="utf-8")
    return read_contract(folder)


def to_toml(found: Mapping[str, Any]) -> str:
    """Return a TOML file, a key a line and all below it inline."""
    return "".join(f"{json.dumps(key)} = {_inline(value)}\n" for key, value in found.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_inline(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
