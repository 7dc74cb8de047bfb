"""Ids of a file's rows: made of a transaction's content, so that it has the same id in every file; or the file's own.

An id made here is a UUID of version 5 (RFC 9562, section 5.5), whose name is the fields as they are sent, each required
text with known `values` without its name, case and separators: a value that the model learns later, and that is then
sent in another spelling, makes no other id. (Optional ones count as they are, as before there were contracts.) Of equal
rows in one file the second, third and so on are numbered: the name is then the first one's id with the number. Ids of a
file's own column may be those of other transactions in the database: these are found before anything is overwritten.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import islice, repeat
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import numpy.typing as npt
import orjson

from services.common.contract.model import Contract
from services.common.reading.stored import decode_transaction
from services.common.reading.values import fold

_CONTENT = UUID("3d1c2a8e-52f1-5f0b-9a43-7f1f0f4a6a10")
_DIGIT_PLACES = [place for place in range(36) if place not in (8, 13, 18, 23)]
ID_LENGTH = 36
"""Characters of an id made here."""
OCTETS = 16

_hashed_namespace = hashlib.sha1(_CONTENT.bytes, usedforsecurity=False)

ASKED_AT_ONCE = 5_000

STORED = """
    select transaction_id, event_time, amount, category, merchant, state, city, customer
    from transactions where transaction_id = any(%s)
"""
"""Transactions by id, as the database has them."""

Message = tuple[bytes | None, bytes]
Look = Callable[[list[str]], Iterable[Sequence[Any]]]
"""Returns the rows of STORED for some ids."""


class MessageMaker:
    """Makes the messages of records: `{"transaction_id": id, "data": {fields}}`, by the names of a contract."""

    def __init__(self, contract: Contract) -> None:
        record = contract.record
        self._record = record
        self.folded = tuple(field for field in contract.required if contract.fields[field].values)
        """The fields whose case and separators do not count in an id made here: required texts with known `values`."""
        self._before = b'{%b:"' % orjson.dumps(record.id)
        self._between = b'",%b:' % orjson.dumps(record.payload)
        self._id_span = slice(len(self._before), len(self._before) + ID_LENGTH)
        fields = tuple(contract.fields)
        self._spans = [(_start(fields, place), _start(fields, place + 1)) for place in map(fields.index, self.folded)]

    def with_content_ids(self, data: Sequence[bytes], folded: Sequence[Sequence[str]]) -> tuple[list[bytes], bytes]:
        """Return messages with ids of their content, and the ids' octets, 16 each, concatenated.

        Args:
            data: the fields as JSON, in the contract's order [n].
            folded: the texts [n] of each field of `folded`.
        """
        digests = b"".join(map(self._digest, data, zip(*folded, strict=True) if folded else repeat(())))
        octets = np.frombuffer(digests, np.uint8).reshape(len(data), 20)[:, :OCTETS].copy()
        octets[:, 6] = octets[:, 6] & 0x0F | 0x50  # version 5
        octets[:, 8] = octets[:, 8] & 0x3F | 0x80  # variant of RFC 9562
        packed = octets.tobytes()
        letters = np.full((len(data), ID_LENGTH), ord("-"), np.uint8)
        letters[:, _DIGIT_PLACES] = np.frombuffer(packed.hex().encode(), np.uint8).reshape(len(data), 32)
        text = letters.tobytes()
        ids = [text[start : start + ID_LENGTH] for start in range(0, len(text), ID_LENGTH)]
        parts = zip(repeat(self._before), ids, repeat(self._between), data, repeat(b"}"))
        return list(map(b"".join, parts)), packed

    def with_own_id(self, own_id: str, data: Mapping[str, Any]) -> bytes:
        """Return the message of a record whose id the file gives."""
        return orjson.dumps({self._record.id: own_id, self._record.payload: data})

    def numbered(self, message: bytes, number: int) -> bytes:
        """Return a message with the id of the `number`-th repetition of its content, 0 for the first row of a file."""
        if number == 0:
            return message
        span = self._id_span
        own_id = uuid5(_CONTENT, f"{message[span].decode()}/{number}")
        return message[: span.start] + str(own_id).encode() + message[span.stop :]

    def id_of(self, message: bytes) -> str:
        """Return the id of a message made here, without parsing the rest."""
        begin = len(self._before)
        found = message[begin : message.index(self._between, begin)]
        return str(orjson.loads(b'"' + found + b'"')) if b"\\" in found else found.decode()

    def with_ids_of_their_own(self, messages: Iterable[Message], taken: Iterable[str]) -> Iterator[Message]:
        """Yield messages; those with taken ids get ids made of their content."""
        wanted, seen = frozenset(taken), Counter[bytes]()
        for key, value in messages:
            if self.id_of(value) not in wanted:
                yield key, value
                continue
            data = orjson.loads(value)[self._record.payload]
            (message,), octets = self.with_content_ids([orjson.dumps(data)], [[data[field]] for field in self.folded])
            yield key, self.numbered(message, seen[octets])
            seen[octets] += 1

    def _digest(self, data: bytes, folded: Sequence[str]) -> bytes:
        """Return the SHA-1 of a record's fields. (A quoted field name occurs once: JSON escapes quotes in texts.)"""
        sha = _hashed_namespace.copy()
        end = 0
        for (first, behind), text in zip(self._spans, folded, strict=True):
            sha.update(data[end : data.index(first, end)] + b"|" + _folded(text) + b"|")
            end = data.index(behind, end) if behind else len(data) - 1
        sha.update(data[end:])
        return sha.digest()


def _start(fields: Sequence[str], place: int) -> bytes:
    """Return how the JSON of the field at a place begins; nothing behind the last one."""
    return b"%b%b:" % (b"," if place else b"{", orjson.dumps(fields[place])) if place < len(fields) else b""


@lru_cache(maxsize=4_096)
def _folded(text: str) -> bytes:
    return fold(text).encode()


def repeats(octets: bytes) -> dict[int, int]:
    """Return index -> number of equal rows above it, where that is not 0; octets of zeros are never equal."""
    halves: npt.NDArray[np.uint64] = np.frombuffer(octets, ">u8").reshape(-1, 2).astype(np.uint64)
    order = np.lexsort((halves[:, 1], halves[:, 0]))  # stable: equal rows stay in the file's order
    ordered = halves[order]
    is_repeat = np.append(False, (ordered[1:] == ordered[:-1]).all(axis=1)) & ordered.any(axis=1)
    places = np.arange(len(order))
    first = np.maximum.accumulate(np.where(is_repeat, 0, places))
    return dict(zip(order[is_repeat].tolist(), (places - first)[is_repeat].tolist(), strict=True))


class TakenIds(StrEnum):
    """Policy for rows whose ids are taken: send nothing and ask, overwrite, or give the rows ids of their own."""

    ASK = "ask"
    OVERWRITE = "overwrite"
    OWN = "own"


def find_taken(messages: Iterable[Message], look: Look, contract: Contract) -> list[str]:
    """Return the ids, in order, of another transaction in the database, or of two in the file.

    Equal content is no conflict. Memory: about 150 bytes a message.
    """
    taken: dict[str, None] = {}
    contents: dict[str, int] = {}
    remaining = iter(messages)
    while chunk := list(islice(remaining, ASKED_AT_ONCE)):
        rows = [decode_transaction(value, "", 0, 0, contract) for _, value in chunk]
        for row in rows:
            content = hash(_content(row))
            if contents.setdefault(row[0], content) != content:
                taken[row[0]] = None
        for stored in look(list({row[0]: None for row in rows})):
            if hash(_content(stored)) != contents[stored[0]]:
                taken[stored[0]] = None
    return list(taken)


def _content(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return the stored columns of a transaction, except its id."""
    time, amount, category, *others = row[1:8]
    return time, amount, fold(category) if category else None, *others
