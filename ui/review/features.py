"""What the page knows of a contract's features, to put the reasons of an alert into words. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.common.contract.model import Contract

OPTIONS = frozenset(("group", "within", "file"))
"""Texts in a feature's table that name no operand."""

OF_THE_PAST = frozenset(("count", "sum", "mean", "ratio_to_mean", "min", "max", "last", "seconds_since_last"))
OF_THE_RECORD = frozenset(("field", "code", "hour", "minute_of_day", "weekday", "month"))
"""Operations that have words of their own."""

NIGHT, RISK = "night", "risk"
"""Derived numbers that have words of their own if they are what they are called: the hours of the night, and a table of
how likely a record is fraud by itself.
"""

_MADE_BY = {NIGHT: "hour_between", RISK: "table"}
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of the contract.

    Attributes:
        operation: its name, "" if it has no words of its own.
        operand: the field or derived number that it is made of, the first one if there are several; "" if of none.
        within: its window in seconds; None: the whole past, or none of it.
        label: of its operand, as in the middle of a sentence.
        role: what the operand is: a role, "event_time", NIGHT, RISK, "derived" for any other derived number, or "".
        personal: whether a personal field is among what it is made of.
        is_text: whether its values are texts: a code is given by the text that it stands for.
    """

    name: str
    operation: str
    operand: str
    within: int | None
    label: str
    role: str
    personal: bool
    is_text: bool


@dataclass(frozen=True, slots=True)
class Features:
    """The features of a contract by name, the labels of its fields, and the hours [first, end) of its NIGHT."""

    by_name: Mapping[str, Feature]
    labels: Mapping[str, str]
    night: tuple[int, int] | None


def describe(contract: Contract, language: str) -> Features:
    """Return the features of a contract with the labels of a language."""
    labels = {
        name: _in_a_sentence(getattr(spec.label, language)) for name, spec in contract.fields.items() if spec.label
    }
    features = {name: _feature(name, given, contract, labels) for name, given in contract.features.items()}
    night = contract.derived[NIGHT] if _is_known(NIGHT, contract) else {}
    return Features(features, labels, (night["first"], night["end"]) if night.keys() >= {"first", "end"} else None)


def _feature(name: str, given: Any, contract: Contract, labels: Mapping[str, str]) -> Feature:
    given = {"field": given} if isinstance(given, str) else _table(given)
    operation = next((key for key in given if key in OF_THE_PAST | OF_THE_RECORD), "")
    operand = next(_operands(given), "")
    return Feature(
        name,
        operation,
        operand,
        _window(given.get("within")),
        labels.get(operand, operand),
        _role(operand, contract),
        _is_personal(given, contract),
        operation == "code" or (operation == "field" and operand in contract.fields.keys() - contract.numbers),
    )


def _operands(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names that an operation is made of."""
    for key, value in given.items():
        if key not in OPTIONS:
            yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))


def _role(operand: str, contract: Contract) -> str:
    if operand and operand == contract.record.event_time:
        return "event_time"
    if operand in contract.derived:
        return operand if _is_known(operand, contract) else "derived"
    return next((role for role, field in contract.roles if field == operand), "")


def _is_known(derived: str, contract: Contract) -> bool:
    """Whether a derived number has words of its own."""
    made_by = _MADE_BY.get(derived)
    return made_by is not None and made_by in _table(contract.derived.get(derived))


def _is_personal(given: Mapping[str, Any], contract: Contract) -> bool:
    found: set[str] = set()
    names = [*_operands(given)]
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            names += _operands(_table(contract.derived.get(name)))
    return any(contract.fields[name].personal for name in found & contract.fields.keys())


def _table(given: Any) -> Mapping[str, Any]:
    """Return an operation's table; an empty one for what is none: the scorer refuses such a contract."""
    return given if isinstance(given, dict) else {}


def _window(text: Any) -> int | None:
    found = re.fullmatch(r"(\d+)([smhd])", text) if isinstance(text, str) else None
    return int(found[1]) * _SECONDS[found[2]] if found else None


def _in_a_sentence(label: str) -> str:
    """Return a label without its capital, unless it is an abbreviation."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]
