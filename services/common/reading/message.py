"""Reads messages of `transactions`: the envelope (id and fields) and the fields, one message at a time or many.

Two readers return the same: msgspec, typed and fast, for messages as in the contract, and a lenient one for what it
refuses: JSON that is not strict, numbers as text, words for "missing", ids that are numbers. What differed from
the contract's spelling is counted as a repair; what cannot be read is a Reject.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import orjson

from services.common.contract.ids import ID_MAX_CHARACTERS
from services.common.contract.model import Contract, FieldSpec, RecordSpec
from services.common.errors import Reason, Reject
from services.common.reading.numbers import Mark, NumberMarks, read_number
from services.common.reading.values import MISSING, BadValue, ValueRepair, read_id

REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError)
"""Errors of msgspec for messages that the lenient reader has to read."""
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=ID_MAX_CHARACTERS)]
Repairs = list[ValueRepair]

_BOM = b"\xef\xbb\xbf"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_WORD = max(map(len, MISSING))
_USUAL = RecordSpec()


def open_envelope(
    value: bytes | None, repairs: Repairs | None = None, record: RecordSpec = _USUAL
) -> tuple[str | None, dict[str, Any]]:
    """Return the transaction's id (None if it has none) and its fields.

    Both forms in use are accepted: `{"transaction_id": …, "data": {fields}}` and `{"transaction_id": …, fields}`.
    Bare NaN and Infinity, which are no JSON (RFC 8259) but written by pandas and the standard library, are read. A lone
    surrogate, which JSON can escape but no encoding can write, becomes U+FFFD; in an id it is a reject. An id that is a
    whole number becomes its digits, a word for "missing" becomes None; a byte-order mark is skipped.

    Args:
        value: the message's bytes.
        repairs: what was repaired is appended to it.
        record: names of the id and of the object of the fields.

    Raises:
        Reject: bad_json, bad_encoding, not_object, or a wrong id or object of fields.
    """
    if value and value.startswith(_BOM):
        value = value[len(_BOM) :]
    try:
        message = orjson.loads(value)  # type: ignore[arg-type]  # None is an error like any other
    except orjson.JSONDecodeError:
        message = _read_leniently(value, record.id)
    if type(message) is not dict:
        raise Reject(Reason.NOT_OBJECT, "", f"expected a JSON object, got {type(message).__name__}")
    data = message.get(record.payload, message)
    if type(data) is not dict:
        raise Reject(Reason.BAD_TYPE, record.payload, f"expected an object, got {type(data).__name__}")
    return _id_of(message, value, [] if repairs is None else repairs, record.id), data


def check_id(transaction_id: object, field: str = _USUAL.id) -> str:
    """Return the id, or raise Reject unless it is text of 1 to 128 characters that PostgreSQL and Kafka can hold."""
    if type(transaction_id) is not str:
        found = type(transaction_id).__name__
        raise Reject(Reason.BAD_TYPE, field, f"expected text, got {found}")
    if not 0 < len(transaction_id) <= ID_MAX_CHARACTERS:
        raise Reject(
            Reason.OUT_OF_RANGE,
            field,
            f"expected 1 to {ID_MAX_CHARACTERS} characters, got {len(transaction_id)}",
        )
    if not transaction_id.isascii():
        try:
            transaction_id.encode()
        except UnicodeEncodeError:
            raise Reject(Reason.BAD_ENCODING, field, "has a lone surrogate") from None
    if "\0" in transaction_id:
        raise Reject(Reason.BAD_ENCODING, field, "has a NUL character")
    return transaction_id


@dataclass(frozen=True, slots=True)
class Picked:
    """The messages that could be read, n of m, and the rejects.

    Attributes:
        ids: transaction ids [n].
        places: indexes of the messages, ascending [n].
        rows: the wanted fields of each [n], in their order: float, str, or None for an optional one that is missing.
        columns: the same, by field.
        rejects: index -> why it could not be read.
        repaired: kind -> number of messages with such a repair.
    """

    ids: list[str]
    places: list[int]
    rows: Sequence[tuple[Any, ...]]
    columns: Sequence[Sequence[Any]]
    rejects: dict[int, Reject]
    repaired: Counter[ValueRepair]


class FieldReader:
    """Reads the id and the wanted fields of many messages."""

    def __init__(self, contract: Contract, required: Sequence[str], optional: Sequence[str]) -> None:
        self._contract, self._record = contract, contract.record
        self._fields, self._required = (*required, *optional), frozenset(required)
        specs = [contract.fields[name] for name in self._fields]
        # Fields may have names that are none in Python.
        names = {f"f{number}": name for number, name in enumerate(self._fields)}
        kinds: dict[str, Any] = {
            name: float if spec.is_number_in_json else str for name, spec in zip(names, specs, strict=True)
        }
        wanted: list[Any] = [*kinds.items()][: len(required)]
        wanted += [(name, kind | None, None) for name, kind in [*kinds.items()][len(required) :]]
        self._data: Any = msgspec.defstruct("Data", wanted, rename=names, gc=False)
        data = ("data", self._data | msgspec.UnsetType, msgspec.UNSET)
        envelope = {"transaction_id": self._record.id, "data": self._record.payload}
        self._message: Any = msgspec.defstruct(
            "Message", [("transaction_id", Id | None, None), data], rename=envelope, gc=False
        )
        self._decode: Callable[[Any], Any] = msgspec.json.Decoder(self._message).decode
        self._decode_flat: Callable[[Any], Any] = msgspec.json.Decoder(self._data).decode
        self._words = [None if spec.is_number or spec.type == "time" else spec.missing_words for spec in specs]

    def read(self, values: Sequence[bytes | None], new_id: Callable[[int], str]) -> Picked:
        """Read messages.

        Args:
            values: the messages' bytes [m].
            new_id: returns the id of the message at an index, for one without an id.
        """
        repaired: Counter[ValueRepair] = Counter()
        messages, places, rejects = self._read_all(
            values, self._decode if _is_utf8(values) else self._decode_utf8, repaired
        )
        ids, rows, columns = self._split(messages)
        if odd := self._odd(ids, columns):
            self._read_again([(row, values[places[row]]) for row in sorted(odd)], messages, places, rejects, repaired)
            ids, rows, columns = self._split(messages)
        if None in ids:
            ids = [given or new_id(place) for given, place in zip(ids, places, strict=True)]
        return Picked(ids, places, rows, columns, rejects, repaired)

    def _split(self, messages: Sequence[Any]) -> tuple[list[Any], list[tuple[Any, ...]], Sequence[Sequence[Any]]]:
        """Return the ids of messages, their fields row by row, and column by column."""
        pick = msgspec.structs.astuple
        rows = [pick(message.data) for message in messages]
        columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(self._fields)
        return [message.transaction_id for message in messages], rows, columns

    def _odd(self, ids: Sequence[str | None], columns: Sequence[Sequence[Any]]) -> set[int]:
        """Return the rows that the lenient reader would read differently: with a word for "missing" or a NUL."""
        odd: set[int] = set()
        for column, words in zip(columns, self._words, strict=True):
            if words is not None and not words.isdisjoint(column):
                odd |= {row for row, text in enumerate(column) if text in words}
        given = list(filter(None, ids))
        if min(map(len, given), default=0) <= _LONGEST_WORD or "\0" in "".join(given):  # usually all are long
            odd |= {row for row, text in enumerate(ids) if text and (text in MISSING or "\0" in text)}
        return odd

    def _read_again(
        self,
        rows: Sequence[tuple[int, bytes | None]],
        messages: list[Any],
        places: list[int],
        rejects: dict[int, Reject],
        repaired: Counter[ValueRepair],
    ) -> None:
        """Read some rows by the lenient reader; remove those that it rejects."""
        for row, value in reversed(rows):
            try:
                messages[row] = self._read_one(value, repaired)
            except Reject as reject:
                rejects[places.pop(row)] = reject
                del messages[row]

    def _read_all(
        self, values: Sequence[bytes | None], read: Callable[[bytes | None], Any], repaired: Counter[ValueRepair]
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
                    message = self._read_one(value, repaired)
            except Reject as reject:
                rejects[place] = reject
            else:
                messages.append(message)
                places.append(place)
        return messages, places, rejects

    def _decode_utf8(self, value: bytes | None) -> Any:
        (value or b"").decode()  # raises: only the message that is not UTF-8 goes to the lenient reader
        return self._decode(value)

    def _read_one(self, value: bytes | None, repaired: Counter[ValueRepair]) -> Any:
        """Return a message as msgspec does, by the lenient reader.

        Raises:
            Reject: it cannot be read, a required field is missing, or one of the wanted has the wrong type.
        """
        repairs: Repairs = []
        transaction_id, data = open_envelope(value, repairs, self._record)
        mark = decimal_mark(data, self._contract)
        picked = [self._pick(field, data, mark, repairs) for field in self._fields]
        repaired.update(set(repairs))
        return self._message(transaction_id, self._data(*picked))

    def _pick(self, field: str, data: Mapping[str, Any], mark: Mark | None, repairs: Repairs) -> float | str | None:
        """Return a field as pick_field() does; a required field that is missing is a Reject."""
        value = pick_field(field, self._contract.fields[field], data, mark, repairs)
        if value is None and field in self._required:
            raise Reject(Reason.MISSING_FIELD, field, f"the {'value' if field in data else 'field'} is missing")
        return value


def pick_field(
    field: str, spec: FieldSpec, data: Mapping[str, Any], mark: Mark | None, repairs: Repairs
) -> float | str | None:
    """Return a field as a float or a text; None if it is missing: absent, null, NaN, or a word for that.

    Args:
        field: its name.
        spec: of the field.
        data: a message's fields.
        mark: the decimal mark of the message's texts, see decimal_mark().
        repairs: what was repaired is appended to it.

    Raises:
        Reject: it is of another type, or a text that is no number where there should be one.
    """
    value: Any = data.get(field)
    if type(value) is str:
        return _from_text(field, spec, value, mark, repairs)
    if value is None or value != value:  # noqa: PLR0124  # NaN is not itself
        return None
    if spec.is_number_in_json and type(value) in {float, int}:
        return _to_float(value)
    wanted = "a number" if spec.is_number_in_json else "text"
    raise Reject(Reason.BAD_TYPE, field, f"expected {wanted}, got {type(value).__name__}")


def decimal_mark(data: Mapping[str, Any], contract: Contract) -> Mark | None:
    """Return the decimal mark of a message with numbers as text, None if they do not prove one."""
    marks = NumberMarks()
    for field in contract.numbers:
        if type(text := data.get(field)) is str:
            marks.see(contract.fields[field].type, text)
    return marks.decided


def _id_of(message: dict[str, Any], value: bytes | None, repairs: Repairs, field: str) -> str | None:
    given = message.get(field)
    if type(given) is float and abs(given) >= 2**63:  # orjson's reading of a whole number of 65 bits and more
        given = _read_leniently(value, field).get(field)
    transaction_id = read_id(given)
    if transaction_id is None:
        repairs += [ValueRepair.MISSING_WORD] if given is not None else []
        return None
    repairs += [ValueRepair.ID_AS_NUMBER] if transaction_id is not given else []
    return check_id(transaction_id, field)


def _read_leniently(value: bytes | None, id_field: str) -> Any:
    """Return the content of JSON that orjson refuses for NaN, Infinity or lone surrogates; else raise a Reject."""

    def without_lone_surrogates(fields: dict[str, Any]) -> dict[str, Any]:
        return {
            field: _LONE_SURROGATE.sub("\ufffd", value) if type(value) is str and field != id_field else value
            for field, value in fields.items()
        }

    if not value:
        raise Reject(Reason.BAD_JSON, "", "the message is empty")
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise Reject(Reason.BAD_ENCODING, "", f"not UTF-8 at byte {error.start}") from None
    try:
        hook = without_lone_surrogates if "\\u" in text else None
        return json.loads(text, object_hook=hook, parse_int=_to_number)
    except json.JSONDecodeError as error:
        raise Reject(Reason.BAD_JSON, "", f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise Reject(Reason.BAD_JSON, "", "nested too deeply") from None


def _to_number(digits: str) -> float:
    """Return an integer; one longer than Python reads (sys.int_info.default_max_str_digits) is far out of any range."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _from_text(field: str, spec: FieldSpec, text: str, mark: Mark | None, repairs: Repairs) -> float | str | None:
    if (text.strip() if spec.is_number_in_json else text) in spec.missing_words:
        repairs += [ValueRepair.MISSING_WORD] if text else []
        return None
    if not spec.is_number_in_json:
        return text
    try:
        number = read_number("integer" if spec.unit else spec.type, text, mark)
    except BadValue as bad:
        raise Reject(Reason.BAD_TYPE, field, f"expected a number, got text that {bad}") from None
    repairs += [ValueRepair.NUMBER_AS_TEXT, *number.repairs]
    return number.value


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf if value > 0 else -math.inf


def _is_utf8(values: Sequence[bytes | None]) -> bool:
    """Return whether all values are UTF-8: msgspec does not validate what it skips."""
    together = b"\n".join([value or b"" for value in values])
    try:
        return together.isascii() or bool(together.decode())
    except UnicodeDecodeError:
        return False
