"""Finds transactions that crash the process while they are scored: after a native crash no code is left to reject them.

Kafka does not tell a consumer how often a record was delivered. So a small file says what is being scored, and after a
crash the next process with this instance id finds in it what its predecessor was working on:

1. Everything that was being scored at a crash is suspected. Each suspect is probed alone, under its own name, before
   the rest of its batch.
2. What was being probed at three crashes is poisoned: it is rejected and not scored any more.
3. What has been scored is no longer suspected.

Only decoding and scoring are marked, not the wait for a broker: a process killed in an outage leaves no suspects. What
crashes only together with other records is not found. The file needs no fsync to outlive its process.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from services.common.errors import Reason, Reject
from services.common.kafka.assignment import Batch
from services.common.kafka.offsets import Partition
from services.common.logs import get_logger

CRASHES_ALONE = 3

Ranges = dict[Partition, tuple[int, int]]
"""(topic, partition) -> first offset, and the one behind the last."""

Position = tuple[str, int, int]
"""(topic, partition, offset)"""

log = get_logger()


class Quarantine:
    """A file that says what this process is scoring, for its successor; read by it after a crash.

    One thread scores; clear() may be called from another.
    """

    def __init__(self, path: Path) -> None:
        """Read the file; without one, nothing is suspected."""
        self._lock = threading.Lock()
        self._scoring: Ranges = {}
        self._probed: Position | None = None
        self._suspected: Ranges = {}
        self._crashes: dict[Position, int] = {}
        self._read(path)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._length = os.fstat(self._file).st_size
        self._mark()

    @contextmanager
    def guard(self, batch: Batch) -> Iterator[dict[int, Reject]]:
        """Mark a batch as being scored while the block lasts; yield place in the batch -> why it must not be scored."""
        poisoned = self._poisoned(batch)
        self._mark(scoring=_ranges(batch))
        try:
            yield poisoned
        finally:  # an exception is no crash: this process goes on and reports it
            self._mark()

    def probe(self, batch: Batch, trial: Callable[[int], object]) -> None:
        """Call `trial` with the place of each suspected transaction of a guarded batch; poisoned ones are left out.

        Meanwhile the file names this one alone, so that a crash convicts it and not its batch.
        """
        for row, position in _positions(batch) if self._suspected else ():
            if self._is_suspected(position) and self._crashes.get(position, 0) < CRASHES_ALONE:
                self._mark(probed=position)
                trial(row)
                self._mark(scoring=_ranges(batch))

    def clear(self, batch: Batch) -> None:
        """Suspect nothing of a scored batch any more, and forget the crashes of all that is already written."""
        if not self._suspected and not self._crashes:
            return
        with self._lock:
            for partition, (first, end) in _ranges(batch).items():
                if partition in self._suspected and self._suspected[partition][1] <= end:
                    del self._suspected[partition]
                # Poisoned ones of this batch are still known: if its write fails, it is read and scored again.
                self._crashes = {
                    position: crashes
                    for position, crashes in self._crashes.items()
                    if position[:2] != partition or position[2] >= first
                }
            self._write()

    def _poisoned(self, batch: Batch) -> dict[int, Reject]:
        found: dict[int, Reject] = {}
        for row, position in _positions(batch) if self._crashes else ():
            crashes = self._crashes.get(position, 0)
            if crashes >= CRASHES_ALONE:
                _log_error("poison_rejected", position, crashes=crashes)
                found[row] = Reject(Reason.CRASH, "", f"the process died {crashes} times while it was scoring this")
        return found

    def _is_suspected(self, position: Position) -> bool:
        topic, partition, offset = position
        first, end = self._suspected.get((topic, partition), (0, 0))
        return first <= offset < end

    def _mark(self, scoring: Ranges | None = None, probed: Position | None = None) -> None:
        with self._lock:
            self._scoring, self._probed = scoring or {}, probed
            self._write()

    def _write(self) -> None:
        content = orjson.dumps(
            {
                "tried": self._probed,
                "scoring": [[*partition, *offsets] for partition, offsets in self._scoring.items()],
                "suspected": [[*partition, *offsets] for partition, offsets in self._suspected.items()],
                "deaths": [[*position, crashes] for position, crashes in self._crashes.items()],
            }
        )
        # One write, padded over what was longer before: truncating first would leave a moment without content.
        self._length = max(self._length, len(content))
        os.pwrite(self._file, content.ljust(self._length), 0)

    def _read(self, path: Path) -> None:
        """Read the file, and count the crash that it shows."""
        try:
            left = orjson.loads(path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return
        self._crashes = {(topic, partition, offset): crashes for topic, partition, offset, crashes in left["deaths"]}
        for topic, partition, *offsets in left["suspected"] + left["scoring"]:
            self._suspect((topic, partition), *offsets)
        for topic, partition, first, end in left["scoring"]:
            _log_error("crashed_while_scoring", (topic, partition, first), messages=end - first)
        if left["tried"]:
            topic, partition, offset = left["tried"]
            crashes = self._crashes[topic, partition, offset] = self._crashes.get((topic, partition, offset), 0) + 1
            _log_error("crashed_while_scoring", (topic, partition, offset), messages=1, crashes=crashes)

    def _suspect(self, partition: Partition, first: int, end: int) -> None:
        before = self._suspected.get(partition, (first, end))
        self._suspected[partition] = (min(first, before[0]), max(end, before[1]))


def _log_error(event: str, position: Position, **more: int) -> None:
    topic, partition, offset = position
    log.error(event, topic=topic, partition=partition, offset=offset, **more)


def _ranges(batch: Batch) -> Ranges:
    return {partition: (batch.first_offsets[partition], end) for partition, end in batch.next_offsets.items()}


def _positions(batch: Batch) -> Iterable[tuple[int, Position]]:
    """Return place in the batch and position of each of its messages."""
    return [
        (row, (message.topic() or "", message.partition() or 0, message.offset() or 0))
        for row, message in enumerate(batch.messages)
    ]
