"""Records whose every text is an attack on the page that shows them."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from html.parser import HTMLParser
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

T = TypeVar("T")

HOSTILE = "'\"><img src=x onerror=alert(1)>"
"""Leaves any attribute and begins an element, unless it is escaped."""

_SIMPLE: dict[Any, Any] = {
    str: HOSTILE, int: 3, float: 0.75, bool: True, datetime: datetime.now(UTC), UUID: UUID(int=7),
    Any: HOSTILE,
}  # fmt: skip


def hostile(kind: type[T], **known: Any) -> T:
    """Return a record of a class with HOSTILE in each text field, and in those of the records in it."""
    hints = get_type_hints(kind)
    values = {one.name: value_of(hints[one.name]) for one in fields(kind) if one.init}  # type: ignore[arg-type]
    return kind(**values | known)


def value_of(hint: Any) -> Any:
    """Return a value of a type: a hostile text wherever a text is allowed."""
    if is_dataclass(hint):
        return hostile(hint)  # type: ignore[arg-type]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    return _SIMPLE[hint] if hint in _SIMPLE else _composed(get_origin(hint), get_args(hint))


def _composed(origin: Any, inner: tuple[Any, ...]) -> Any:
    """Return a value of a union, a collection or an annotated type."""
    if origin in {Union, types.UnionType}:
        return value_of(str if str in inner else next(one for one in inner if one is not type(None)))
    if origin is tuple:
        return tuple(value_of(one) for one in inner if one is not ...)
    if issubclass(origin, Mapping):
        return {value_of(inner[0]): value_of(inner[1])}
    return [value_of(inner[0])] if issubclass(origin, Sequence) else value_of(inner[0])


class _Elements(HTMLParser):
    """Collects what a browser would make of HTML: elements, and the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"@{name}" for name, _ in attrs)}


def elements(html: str) -> set[str]:
    """Return the elements in HTML, and the attributes with an @ before their names."""
    parser = _Elements()
    parser.feed(html)
    parser.close()
    return parser.found
