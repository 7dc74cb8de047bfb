"""Ids of a file's rows, made of what a payment is: the same payment has the same id in whatever file it stands.

An id is a UUID of version 5 (RFC 9562, section 5.5), whose name is the payment's fields as they are sent, the category
without case and separators. Of equal rows in one file the second, third and so on are numbered: the name is then the
first one's id with the number. Knows nothing of files.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID, uuid5

import numpy as np
import numpy.typing as npt

from services.common.values import fold

_CONTENT = UUID("3d1c2a8e-52f1-5f0b-9a43-7f1f0f4a6a10")
_DIGIT_PLACES = [place for place in range(36) if place not in (8, 13, 18, 23)]
_ID_SPAN = slice(len('{"transaction_id":"'), len('{"transaction_id":"') + 36)
OCTETS = 16

_hashed_namespace = hashlib.sha1(_CONTENT.bytes, usedforsecurity=False)


def content_ids(data: Sequence[bytes], categories: Sequence[str]) -> tuple[list[str], bytes]:
    """Return the ids of payments, and their octets, 16 each, one after the other.

    Args:
        data: the payments' fields as JSON, in the contract's order.
        categories: of the payments, as they are in the fields.
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
    """Return the SHA-1 of a payment's fields. (A name in quotes stands nowhere else: in texts JSON escapes quotes.)"""
    begin = data.index(b',"cat_id":')
    end = data.index(b',"amount":', begin)
    sha = _hashed_namespace.copy()
    sha.update(data[:begin] + b"|" + _folded(category) + b"|" + data[end:])
    return sha.digest()


@lru_cache(maxsize=4_096)
def _folded(category: str) -> bytes:
    return fold(category).encode()


def message_of(transaction_id: str, data: bytes) -> bytes:
    """Return the message of a payment whose id needs no escapes in JSON."""
    return b'{"transaction_id":"%b","data":%b}' % (transaction_id.encode(), data)


def numbered(message: bytes, number: int) -> bytes:
    """Return a message as that of the row that has so many equal ones above it in its file; 0 for the first."""
    if number == 0:
        return message
    transaction_id = uuid5(_CONTENT, f"{message[_ID_SPAN].decode()}/{number}")
    return message[: _ID_SPAN.start] + str(transaction_id).encode() + message[_ID_SPAN.stop :]


def repeats(octets: bytes) -> dict[int, int]:
    """Return place -> how many equal rows stand above it, of the rows that have some; octets of zeros are none."""
    halves: npt.NDArray[np.uint64] = np.frombuffer(octets, ">u8").reshape(-1, 2).astype(np.uint64)
    order = np.lexsort((halves[:, 1], halves[:, 0]))  # stable: equal rows stay in the file's order
    ordered = halves[order]
    is_repeat = np.append(False, (ordered[1:] == ordered[:-1]).all(axis=1)) & ordered.any(axis=1)
    places = np.arange(len(order))
    first = np.maximum.accumulate(np.where(is_repeat, 0, places))
    return dict(zip(order[is_repeat].tolist(), (places - first)[is_repeat].tolist(), strict=True))
