"""Picks the wanted fields out of messages, skipping the rest. Knows nothing of what the fields mean.

Two readers: msgspec decodes straight into typed fields, which nearly every message fits. What it refuses, for whatever
reason, is read again with care, by the code that names what is wrong.
"""

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec

from services.common.contract import DECIMAL_FIELDS, ID_MAX_CHARACTERS, INTEGER_FIELDS
from services.common.envelope import open_envelope
from services.common.errors import Reason, Reject

NUMBERS = frozenset(INTEGER_FIELDS + DECIMAL_FIELDS)

Picked = tuple[Any, ...]
"""The values of the wanted fields, in their order: float or str; None where an optional field is missing."""

REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError)
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=ID_MAX_CHARACTERS)]


class FieldReader:
    """Reads the id and the wanted fields of messages, in both forms (services.common.envelope)."""

    def __init__(self, required: Sequence[str], optional: Sequence[str]) -> None:
        self._fields, self._required = (*required, *optional), frozenset(required)
        kinds: dict[str, Any] = {field: float if field in NUMBERS else str for field in self._fields}
        wanted = [(name, kinds[name]) for name in required] + [(name, kinds[name] | None, None) for name in optional]
        self._data: Any = msgspec.defstruct("Data", wanted, gc=False)
        data = ("data", self._data | msgspec.UnsetType, msgspec.UNSET)
        self._message: Any = msgspec.defstruct("Message", [("transaction_id", Id | None, None), data], gc=False)
        self._decode: Callable[[Any], Any] = msgspec.json.Decoder(self._message).decode
        self._decode_flat: Callable[[Any], Any] = msgspec.json.Decoder(self._data).decode

    def read(
        self, values: Sequence[bytes | None], new_id: Callable[[int], str]
    ) -> tuple[list[str], list[int], list[Picked], dict[int, Reject]]:
        """Return ids, places and picked fields of the messages that can be read, and place -> reject of the others.

        Args:
            values: the messages' bytes [m].
            new_id: gives the id of the message at a place, for those that came without one.
        """
        messages, places, rejects = self._read_all(values, self._decode if _is_utf8(values) else self._decode_utf8)
        ids = _ids_of(messages, places, new_id)
        if "\0" in "".join(ids):  # msgspec takes a NUL in an id, open_envelope does not
            messages, places, rejects = self._read_all(values, self._read_carefully)
            ids = _ids_of(messages, places, new_id)
        pick = msgspec.structs.astuple
        return ids, places, [pick(message.data) for message in messages], rejects

    def _read_all(
        self, values: Sequence[bytes | None], read: Callable[[bytes | None], Any]
    ) -> tuple[list[Any], list[int], dict[int, Reject]]:
        messages: list[Any] = []
        places: list[int] = []
        rejects: dict[int, Reject] = {}
        unset = msgspec.UNSET
        for place, value in enumerate(values):
            try:
                try:
                    message = read(value)
                    if message.data is unset:
                        message.data = self._decode_flat(value)
                except REFUSED:
                    message = self._read_carefully(value)
            except Reject as reject:
                rejects[place] = reject
            else:
                messages.append(message)
                places.append(place)
        return messages, places, rejects

    def _decode_utf8(self, value: bytes | None) -> Any:
        (value or b"").decode()  # raises: one broken text sends nobody but itself to the careful reader
        return self._decode(value)

    def _read_carefully(self, value: bytes | None) -> Any:
        """Return what msgspec would make of a message, were it less strict.

        Raises:
            Reject: it cannot be read, a required field is missing, or one of the wanted has the wrong type.
        """
        transaction_id, data = open_envelope(value)
        picked = [self._pick(field, data) for field in self._fields]
        return self._message(transaction_id, self._data(*picked))

    def _pick(self, field: str, data: dict[str, Any]) -> float | str | None:
        """Return a field as a float or a text; None and NaN are missing values, and only required fields miss them."""
        value: Any = data.get(field)
        if field in NUMBERS and type(value) in {float, int} and value == value:  # noqa: PLR0124  # NaN is not itself
            return _to_float(value)
        if field not in NUMBERS and type(value) is str:
            return value
        if value is not None and value == value:  # noqa: PLR0124
            wanted = "a number" if field in NUMBERS else "text"
            raise Reject(Reason.BAD_TYPE, field, f"expected {wanted}, got {type(value).__name__}")
        if field in self._required:
            raise Reject(Reason.MISSING_FIELD, field, f"the {'value' if field in data else 'field'} is missing")
        return None


def _ids_of(messages: Sequence[Any], places: Sequence[int], new_id: Callable[[int], str]) -> list[str]:
    ids: list[str | None] = [message.transaction_id for message in messages]
    return [given or new_id(place) for given, place in zip(ids, places, strict=True)] if None in ids else ids  # type: ignore[return-value]  # none is None


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf if value > 0 else -math.inf


def _is_utf8(values: Sequence[bytes | None]) -> bool:
    """Return whether all values are UTF-8: msgspec does not look into what it skips."""
    together = b"\n".join([value or b"" for value in values])
    try:
        return together.isascii() or bool(together.decode())
    except UnicodeDecodeError:
        return False
