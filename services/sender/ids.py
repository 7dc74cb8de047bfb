"""Ids of a file's rows: made of a transaction's content, so that it has the same id in every file; or the file's own.

An id made here is a UUID of version 5 (RFC 9562, section 5.5), whose name is the fields as they are sent, the category
without case and separators. Of equal rows in one file the second, third and so on are numbered: the name is then the
first one's id with the number. Ids of a file's own column may be those of other transactions in the database: these are
found before anything is overwritten.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import numpy.typing as npt
import orjson

from services.common.stored import decode_transaction
from services.common.values import fold

_CONTENT = UUID("3d1c2a8e-52f1-5f0b-9a43-7f1f0f4a6a10")
_DIGIT_PLACES = [place for place in range(36) if place not in (8, 13, 18, 23)]
_ID_SPAN = slice(len('{"transaction_id":"'), len('{"transaction_id":"') + 36)
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


def content_ids(data: Sequence[bytes], categories: Sequence[str]) -> tuple[list[str], bytes]:
    """Return the ids of transactions, and their octets, 16 each, concatenated.

    Args:
        data: the fields as JSON, in the contract's order [n].
        categories: as in the fields [n].
    """
    digests = b"".join(map(_digest, data, categories))
    octets = np.frombuffer(digests, np.uint8).reshape(len(data), 20)[:, :OCTETS].copy()
    octets[:, 6] = octets[:, 6] & 0x0F | 0x50  # version 5
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80  # variant of RFC 9562
    packed = octets.tobytes()
    letters = np.full((len(data), 36), ord("-"), np.uint8)
    letters[:, _DIGIT_PLACES] = np.frombuffer(packed.hex().encode(), np.uint8).reshape(len(data), 32)
    text = letters.tobytes().decode()
    return [text[start : start + 36] for start in range(0, len(text), 36)], packed


def _digest(data: bytes, category: str) -> bytes:
    """Return the SHA-1 of a transaction's fields. (A quoted field name occurs once: JSON escapes quotes in texts.)"""
    begin = data.index(b',"cat_id":')
    end = data.index(b',"amount":', begin)
    sha = _hashed_namespace.copy()
    sha.update(data[:begin] + b"|" + _folded(category) + b"|" + data[end:])
    return sha.digest()


@lru_cache(maxsize=4_096)
def _folded(category: str) -> bytes:
    return fold(category).encode()


def message_of(transaction_id: str, data: bytes) -> bytes:
    """Return the message of a transaction whose id needs no escapes in JSON."""
    return b'{"transaction_id":"%b","data":%b}' % (transaction_id.encode(), data)


def numbered(message: bytes, number: int) -> bytes:
    """Return a message with the id of the `number`-th repetition of its content in the file, 0 for the first row."""
    if number == 0:
        return message
    transaction_id = uuid5(_CONTENT, f"{message[_ID_SPAN].decode()}/{number}")
    return message[: _ID_SPAN.start] + str(transaction_id).encode() + message[_ID_SPAN.stop :]


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


def find_taken(messages: Iterable[Message], look: Look) -> list[str]:
    """Return the ids, in order, of another transaction in the database, or of two in the file.

    Equal content is no conflict. Memory: about 150 bytes a message.
    """
    taken: dict[str, None] = {}
    contents: dict[str, int] = {}
    remaining = iter(messages)
    while chunk := list(islice(remaining, ASKED_AT_ONCE)):
        rows = [decode_transaction(value, "", 0, 0) for _, value in chunk]
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


def with_ids_of_their_own(messages: Iterable[Message], taken: Iterable[str]) -> Iterator[Message]:
    """Yield messages; those with taken ids get ids made of their content."""
    wanted, seen = frozenset(taken), Counter[bytes]()
    for key, value in messages:
        message = orjson.loads(value)
        if message["transaction_id"] not in wanted:
            yield key, value
            continue
        fields = orjson.dumps(message["data"])
        (transaction_id,), octets = content_ids([fields], [message["data"]["cat_id"]])
        yield key, numbered(message_of(transaction_id, fields), seen[octets])
        seen[octets] += 1
