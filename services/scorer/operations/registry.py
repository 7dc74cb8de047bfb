"""What an operation is: a pure function of arrays, its operands and options read from its signature.

A new one is a function of record.py with the decorator. docs/contract.md lists all of them, generated from here.
"""

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from services.common.reading.values import Spellings


@dataclass(frozen=True, slots=True)
class KnownTexts:
    """A column of texts [n], None where one is missing, and the known ones with their codes."""

    texts: Sequence[str | None]
    codes: Mapping[str | None, float]
    vocabulary: Spellings


Number = Annotated[NDArray[np.float64], "number"]
"""A column of numbers, [n]; NaN where one is missing. Also what every operation returns."""

Time = Annotated[NDArray[Any], "time"]
"""A column of times in seconds since 1970-01-01, local time, int64 or float64 [n]; NaN where one is missing."""

Text = Annotated[Sequence[str | None], "text"]
"""A column of texts [n]; None where one is missing."""

Known = Annotated[KnownTexts, "known text"]
"""A column of texts of a field with `values`."""

Any_ = Annotated[Any, "field"]
"""A field of any type, as its own kind of column."""


@dataclass(frozen=True, slots=True)
class Option:
    """A named constant of an operation."""

    name: str
    check: TypeAdapter[Any]
    default: Any
    kind: str


Missing = Literal["never", "as its operands", "sometimes"]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation over the fields of one record.

    Attributes:
        operands: the kinds of its operands; of the last one there may be several if `many`.
        flag: whether its values are 0, 1 or missing.
        missing: when it has no value.
    """

    name: str
    compute: Callable[..., NDArray[Any]]
    operands: tuple[str, ...]
    many: bool
    options: tuple[Option, ...]
    unit: str
    example: str
    flag: bool
    missing: Missing

    @property
    def description(self) -> str:
        """Its docstring."""
        return inspect.getdoc(self.compute) or ""


Function = Callable[..., NDArray[Any]]


def register(
    operations: dict[str, Operation],
    *,
    unit: str,
    example: str,
    flag: bool = False,
    missing: Missing = "as its operands",
) -> Callable[[Function], Function]:
    """Return a decorator that adds a function to the operations.

    Its positional parameters are the operands, its keyword-only ones the options.
    """

    def add(function: Function) -> Function:
        hints = typing.get_type_hints(function, include_extras=True)
        operands = [
            parameter
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind != parameter.KEYWORD_ONLY
        ]
        operations[function.__name__] = Operation(
            name=function.__name__,
            compute=function,
            operands=tuple(hints[operand.name].__metadata__[0] for operand in operands),
            many=any(operand.kind == operand.VAR_POSITIONAL for operand in operands),
            options=options_of(function),
            unit=unit,
            example=example,
            flag=flag,
            missing=missing,
        )
        return function

    return add


def options_of(function: Callable[..., Any]) -> tuple[Option, ...]:
    """Return the options of a function: its keyword-only parameters."""
    hints = typing.get_type_hints(function, include_extras=True)
    return tuple(
        Option(parameter.name, TypeAdapter(hints[parameter.name]), parameter.default, _in_words(hints[parameter.name]))
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind == parameter.KEYWORD_ONLY
    )


def read_options(name: str, options: Sequence[Option], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of an operation, checked, with defaults.

    Raises:
        ValueError: an unknown one, one that is missing, or a wrong value.
    """
    known = {option.name: option for option in options}
    if unknown := sorted(given.keys() - known.keys()):
        takes = f"takes {', '.join(known)}" if known else "takes none"
        raise ValueError(f"{name} has no option {unknown[0]}, it {takes}")
    values = {}
    for option in options:
        if option.name in given:
            try:
                values[option.name] = option.check.validate_python(given[option.name], strict=True)
            except ValidationError as error:
                raise ValueError(f"option {option.name}: {error.errors()[0]['msg']}") from None
        elif option.default is inspect.Parameter.empty:
            raise ValueError(f"{name} needs the option {option.name}")
        else:
            values[option.name] = option.default
    return values


def _in_words(kind: Any) -> str:
    names = {int: "whole number", float: "number", str: "text"}
    inner = [part for one in typing.get_args(kind) for part in (one, *typing.get_args(one))]  # Annotated, or | None
    parts = [names[part] for part in (kind, *inner) if isinstance(part, type) and part in names]
    return parts[0] if parts else "file"
