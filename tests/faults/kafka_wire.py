"""Requests on a Kafka connection, told apart: length (int32), kind (int16), the rest; kafka.apache.org/protocol."""

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from tests.support.proxy import Connection

INIT_PRODUCER_ID, END_TXN, TXN_OFFSET_COMMIT = 22, 26, 28

LENGTH_BYTES, KIND_BYTES = 4, 2
VERSION = slice(6, 8)
FIRST_TAGGED_END_TXN = 3


class Requests:
    """Cuts what clients send into requests."""

    def __init__(self) -> None:
        self._rests: WeakKeyDictionary[Connection, bytes] = WeakKeyDictionary()

    def complete(self, connection: Connection, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (kind, bytes) of each request that is complete with this data."""
        data = self._rests.get(connection, b"") + data
        while len(data) >= LENGTH_BYTES:
            end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES])
            if len(data) < end:
                break
            yield int.from_bytes(data[LENGTH_BYTES : LENGTH_BYTES + KIND_BYTES]), data[:end]
            data = data[end:]
        self._rests[connection] = data


def commits(end_txn: bytes) -> bool:
    """Return whether an EndTxn commits, and does not abort: its last field, but for an empty list of tags."""
    tagged = int.from_bytes(end_txn[VERSION]) >= FIRST_TAGGED_END_TXN
    return bool(end_txn[-2 if tagged else -1])
