"""Drafts a contract from the model's inputs and the columns of a sample. A person decides what a guess cannot."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.common.contract.model import NUMBERS
from services.common.errors import Stop
from services.tools.adopt.sample import Column

TARGETS = frozenset(("target", "label", "class", "fraud", "is_fraud", "isfraud", "tx_fraud", "y"))
"""Names of columns with the outcome, which is no feature."""

KEYS = ("customer", "client", "card", "account", "user")
"""Words in the names of columns whose past may count."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A contract's text, and what was guessed and is left to decide."""

    text: str
    guessed: list[str] = field(default_factory=list)
    to_decide: list[str] = field(default_factory=list)


def target_of(names: Iterable[str]) -> str | None:
    """Return the name of the column that says whether a row was a fraud, if there is one."""
    return next((name for name in names if name.casefold() in TARGETS), None)


def draft(name: str, inputs: Sequence[str], width: int | None, columns: Sequence[Column]) -> Draft:
    """Return a contract for a model.

    Args:
        name: of the contract.
        inputs: names of the model's inputs, more than one if it takes a tensor a column.
        width: number of features of the only input, if the model says so.
        columns: of the sample.

    Raises:
        Stop: an input has no column, or there is no column that could be a feature.
    """
    known = {column.name: column for column in columns}
    target = target_of(known)
    identity = next((c.name for c in columns if c.is_unique and c.kind != "time" and _is_id(c.name)), None)
    time = next((c.name for c in columns if c.kind == "time" and c.always_there), None)
    free = [column for column in columns if column.name not in {target, identity}]
    if len(inputs) > 1:
        if missing := [one for one in inputs if one not in known]:
            raise Stop(f"the model's input {missing[0]} has no column of this name in the sample")
        features = [known[one] for one in inputs]
    else:
        features = [column for column in free if column.kind in NUMBERS or column.values]
    if not features:
        raise Stop("the sample has no column that could be a feature: numbers, or texts with few values")
    found = Draft(_text(name, free, features, identity, time, by_name=len(inputs) > 1))
    _explain(found, columns, features, identity, time, target, width if len(inputs) == 1 else None)
    keys = [column.name for column in free if any(word in column.name.casefold() for word in KEYS)]
    hint = f"; perhaps {', '.join(keys)}" if keys else ""
    found.to_decide.append(f"record.key: whose past counts, if the model has features of a past{hint}")
    found.to_decide.append("which fields are personal, and which roles (amount, category, …) mart and page show")
    return found


def _explain(
    found: Draft,
    columns: Sequence[Column],
    features: list[Column],
    identity: str | None,
    time: str | None,
    target: str | None,
    width: int | None,
) -> None:
    """Say what was guessed."""
    found.guessed.append(f"id: {identity or 'none, it is made of topic, partition and offset'}")
    units = "".join(f", {one.name} counts {one.unit} since 1970" for one in columns if one.unit)
    found.guessed.append(f"event time: {time or 'none'}{units}")
    if target:
        found.guessed.append(f"outcome, no field: {target}")
    found.guessed.append(f"features: {', '.join(column.name for column in features)}")
    if width is not None and width != len(features):
        found.to_decide.append(f"the model takes {width} features, the draft has {len(features)}: mend [features]")
    elif width is not None:
        found.to_decide.append("whether the features stand in the model's order: one matrix says nothing of names")
    if texts := [column.name for column in features if column.values and width is not None]:
        found.to_decide.append(f"the order of values of {', '.join(texts)}: a code is the place among them")


def _text(
    name: str, columns: list[Column], features: list[Column], identity: str | None, time: str | None, *, by_name: bool
) -> str:
    lines = [
        "# Drafted by `make adopt`; docs/contract.md explains the grammar. Run `make adopt` again after a change.",
        "format = 1",
        f"name = {_quoted(name)}",
        "",
        "[record]",
        f"id = {_quoted(identity or 'transaction_id')}",
        *([f"event_time = {_quoted(time)}"] if time else ['# event_time = "…"']),
        '# key = ["…"]  # whose past counts; also the Kafka key',
        "",
        "[fields]",
        *(f"{_key(column.name)} = {_field(column, column.name == time)}" for column in columns),
        "",
        "[roles]",
        '# amount = "…"',
        "",
        "[features]",
        *(f"{_key(column.name)} = {_feature(column, by_name=by_name)}" for column in features),
    ]
    if by_name:
        lines += ["", "[model]", 'input = "columns"']
    return "\n".join(lines) + "\n"


def _field(column: Column, is_event_time: bool) -> str:
    parts = [f'type = "{column.kind}"']
    if column.unit:
        parts.append(f'unit = "{column.unit}"')
    if column.always_there and not is_event_time:
        parts.append("required = true")
    if column.values:
        parts.append(f"values = [{', '.join(map(_quoted, column.values))}]")
    return f"{{ {', '.join(parts)} }}"


def _feature(column: Column, *, by_name: bool) -> str:
    if column.values and not by_name:
        return f"{{ code = {_quoted(column.name)} }}"
    return _quoted(column.name)


def _is_id(name: str) -> bool:
    return name.casefold() == "id" or name.casefold().endswith(("_id", "-id", " id"))


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _quoted(name)


def _quoted(text: str) -> str:
    """Return a text as a basic string of TOML (TOML 1.0.0, "String")."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one.isprintable() else f"\\u{ord(one):04X}" for one in escaped) + '"'
