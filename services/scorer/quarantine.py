"""Payments that kill the process while they are scored: a native crash leaves nobody who could reject them.

A consumer of Kafka is not told how often a record was read. So a small file says what is being scored just now, and the
next life of this member finds in it what its predecessor died of:

1. what was being scored at a death is suspected: each such payment is tried alone, under its name, before its batch
2. a payment that was being tried at three deaths is not scored any more: it is rejected
3. what has been scored is no longer suspected

Only decoding and scoring count, not what waits for a broker: an outage makes no payment a suspect. What kills only in
company is not found. Against the death of a process the file needs no fsync. Knows nothing of how payments are scored.
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

DEATHS_ALONE = 3

Ranges = dict[Partition, tuple[int, int]]
"""(topic, partition) -> offsets from the first, included, to the last, not included."""

Record = tuple[str, int, int]
"""(topic, partition, offset)"""

log = get_logger()


class Quarantine:
    """What this member is scoring, kept in a file for its next life. Both halves of the loop use it at once."""

    def __init__(self, path: Path) -> None:
        """Take up what the file says; without one nothing is suspected."""
        self._changed = threading.Condition()
        self._at_work: list[Ranges] = []
        self._tried: Record | None = None
        self._suspected: Ranges = {}
        self._deaths: dict[Record, int] = {}
        self._recall(path)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._length = os.fstat(self._file).st_size
        self._write()

    def poisoned(self, batch: Batch) -> dict[int, Reject]:
        """Return place in the batch -> why that payment must not be scored."""
        places = _offsets(batch) if self._deaths else ()
        counts = {row: (record, self._deaths.get(record, 0)) for row, record in places}
        found = {row: (record, deaths) for row, (record, deaths) in counts.items() if deaths >= DEATHS_ALONE}
        for (topic, partition, offset), deaths in found.values():
            log.error("deadly", topic=topic, partition=partition, offset=offset, deaths=deaths)
        message = "the process died {} times while it was scoring this"
        return {row: Reject(Reason.CRASH, "", message.format(deaths)) for row, (_, deaths) in found.items()}

    def probe(self, batch: Batch, trial: Callable[[int], object]) -> None:
        """Call `trial` with the place of each suspected payment of the batch, and with nothing else being scored.

        A payment that is known to be deadly is not tried.
        """
        for row, record in _offsets(batch) if self._suspected else ():
            if self._is_suspected(record) and self._deaths.get(record, 0) < DEATHS_ALONE:
                with self._trying(record):
                    trial(row)

    @contextmanager
    def scoring(self, batch: Batch) -> Iterator[None]:
        """Remember, while the block lasts, that a batch is being scored; blocks may overlap in threads."""
        ranges = _ranges(batch)
        with self._changed:
            self._changed.wait_for(lambda: not self._tried)
            self._at_work.append(ranges)
            self._write()
        try:
            yield
        finally:
            with self._changed:
                self._at_work = [other for other in self._at_work if other is not ranges]
                self._write()
                self._changed.notify_all()

    def clear(self, batch: Batch) -> None:
        """Suspect nothing of a batch any more: it has been scored; what came before it is written."""
        if not self._suspected and not self._deaths:
            return
        with self._changed:
            for place, (first, end) in _ranges(batch).items():
                if place in self._suspected and self._suspected[place][1] <= end:
                    del self._suspected[place]
                self._deaths = {
                    record: deaths
                    for record, deaths in self._deaths.items()
                    if record[:2] != place or record[2] >= first
                }
            self._write()

    @contextmanager
    def _trying(self, record: Record) -> Iterator[None]:
        """Remember, while the block lasts, that this payment is being tried; only a death leaves it in the file."""
        with self._changed:
            self._changed.wait_for(lambda: not self._tried and not self._at_work)
            self._tried = record
            self._write()
        try:
            yield
        finally:
            with self._changed:
                self._tried = None
                self._write()
                self._changed.notify_all()

    def _is_suspected(self, record: Record) -> bool:
        topic, partition, offset = record
        first, end = self._suspected.get((topic, partition), (0, 0))
        return first <= offset < end

    def _write(self) -> None:
        content = orjson.dumps(
            {
                "tried": self._tried,
                "scoring": [[*place, *offsets] for ranges in self._at_work for place, offsets in ranges.items()],
                "suspected": [[*place, *offsets] for place, offsets in self._suspected.items()],
                "deaths": [[*record, deaths] for record, deaths in self._deaths.items()],
            }
        )
        self._length = max(self._length, len(content))
        os.pwrite(self._file, content.ljust(self._length), 0)

    def _recall(self, path: Path) -> None:
        """Take up what the file says, and count the death that it tells of."""
        try:
            told = orjson.loads(path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return
        self._deaths = {(topic, partition, offset): deaths for topic, partition, offset, deaths in told["deaths"]}
        for topic, partition, *offsets in told["suspected"] + told["scoring"]:
            self._suspect((topic, partition), *offsets)
        for topic, partition, first, end in told["scoring"]:
            log.error("died while scoring", topic=topic, partition=partition, offset=first, messages=end - first)
        if told["tried"]:
            topic, partition, offset = told["tried"]
            deaths = self._deaths[topic, partition, offset] = self._deaths.get((topic, partition, offset), 0) + 1
            log.error("died while scoring", topic=topic, partition=partition, offset=offset, messages=1, deaths=deaths)

    def _suspect(self, place: Partition, first: int, end: int) -> None:
        before = self._suspected.get(place, (first, end))
        self._suspected[place] = (min(first, before[0]), max(end, before[1]))


def _ranges(batch: Batch) -> Ranges:
    return {place: (batch.first_offsets[place], end) for place, end in batch.next_offsets.items()}


def _offsets(batch: Batch) -> Iterable[tuple[int, Record]]:
    """Return place in the batch and record, of each of its messages."""
    return [
        (row, (message.topic() or "", message.partition() or 0, message.offset() or 0))
        for row, message in enumerate(batch.messages)
    ]
