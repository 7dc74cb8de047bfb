"""Stores encoded transactions on disk and yields them by event time, those with equal content numbered."""

import mmap
import tempfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Self

import numpy as np
import numpy.typing as npt

from services.sender.ids import MessageMaker, repeats
from services.sender.rows import EncodedRow

_READ_AT_ONCE = 8192


class Spool:
    """Transactions in nameless temporary files. Memory: 32 bytes a transaction, 80 while reading."""

    def __init__(self) -> None:
        self._seconds = array("q")
        self._octets = bytearray()
        self._keys = _Column()
        self._values = _Column()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._keys.close()
        self._values.close()

    def __len__(self) -> int:
        return len(self._seconds)

    def clear(self) -> None:
        """Remove all transactions."""
        self._seconds = array("q")
        self._octets.clear()
        self._keys.clear()
        self._values.clear()

    def extend(self, rows: Sequence[EncodedRow]) -> None:
        """Append transactions; cheap for many at a time."""
        self._seconds.extend([row[0] for row in rows])
        self._keys.extend([row[1] or b"" for row in rows])
        self._values.extend([row[2] for row in rows])
        self._octets += b"".join([row[3] for row in rows])

    def in_time_order(self, messages: MessageMaker) -> Iterator[tuple[bytes | None, bytes]]:
        """Yield (key, value) by event time; equal times in the order of insertion.

        Of transactions with the same content the second, third and so on get ids of their own.
        """
        again = repeats(bytes(self._octets))
        order = np.argsort(np.array(self._seconds, np.int64), kind="stable")
        with self._keys.reader() as keys, self._values.reader() as values:
            for start in range(0, len(order), _READ_AT_ONCE):
                places = order[start : start + _READ_AT_ONCE]
                for place, key, value in zip(places.tolist(), keys(places), values(places), strict=True):
                    yield key or None, messages.numbered(value, again[place]) if place in again else value


class _Column:
    """Byte strings one after another in a temporary file."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as its spool
        self._lengths = array("i")

    def close(self) -> None:
        self._file.close()

    def clear(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._lengths = array("i")

    def extend(self, items: list[bytes]) -> None:
        self._file.write(b"".join(items))
        self._lengths.extend(map(len, items))

    @contextmanager
    def reader(self) -> Iterator[Callable[[npt.NDArray[np.intp]], list[bytes]]]:
        """Give a function from indexes to strings."""
        self._file.flush()
        lengths = np.array(self._lengths, np.int64)
        ends = np.cumsum(lengths)
        begins = ends - lengths
        with self._contents() as contents:

            def read(places: npt.NDArray[np.intp]) -> list[bytes]:
                spans = zip(begins[places].tolist(), ends[places].tolist(), strict=True)
                return [contents[begin:end] for begin, end in spans]

            yield read

    def _contents(self) -> AbstractContextManager[mmap.mmap | bytes]:
        """Return the file's bytes; an empty file cannot be mapped."""
        if not any(self._lengths):
            return nullcontext(b"")
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
