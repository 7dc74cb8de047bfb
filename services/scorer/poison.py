"""Payments that kill the process while they are scored: a native crash leaves nobody who could reject them.

A consumer of Kafka is not told how often a record was read. So a small file says what is being scored just now, and the
next start of this member finds in it what its predecessor died of:

1. what was being scored at a death is scored again in small batches, so that a second death leaves few suspects
2. a batch that was being scored at a second death is scored a payment at a time, so that the file names one
3. a payment that was being scored all alone at three deaths is not scored any more: it is rejected

Only decoding and scoring count, not what waits for a broker: an outage makes no payment a suspect. Against the death of
the process the file needs no fsync. Knows nothing of what is done to score a payment.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import orjson

from services.common.errors import Reason, Reject
from services.common.kafka import Batch, Place
from services.common.logs import get_logger

DEATHS_TOGETHER, DEATHS_ALONE = 2, 3

SMALL_BATCH = 50
"""Most messages of a batch after a death: in Kafka transactions of one, ten thousand of them would take minutes."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Deaths:
    """How often the process died with a record first in its partition: together with others, and alone."""

    offset: int
    together: int = 0
    alone: int = 0


class Suspects:
    """What this member is scoring, kept in a file for its next life."""

    def __init__(self, path: Path) -> None:
        """Take up what the file says; without one nothing is suspected."""
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()
        self._at_work: list[Batch] = []
        self._deaths: dict[Place, Deaths] = {}
        self._alone = self._in_small = 0  # messages that are still to be read alone, or in small batches
        self._recall(path)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._length = os.fstat(self._file).st_size
        self._write()

    @property
    def at_most(self) -> int | None:
        """Most messages of the next batch; None: as many as there are."""
        if self._alone:
            return 1
        return SMALL_BATCH if self._in_small else None

    def admit(self, batch: Batch) -> Reject | None:
        """Take note that a batch is taken up; return why it must not be scored, if so."""
        with self._lock:
            self._alone = max(0, self._alone - 1)
            self._in_small = max(0, self._in_small - len(batch.messages))
            for place, offset in batch.first_offsets.items():
                deaths = self._deaths.get(place)
                if not deaths or deaths.offset != offset or len(batch.messages) > 1:
                    continue
                if deaths.alone >= DEATHS_ALONE:
                    log.error("deadly", topic=place[0], partition=place[1], offset=offset, deaths=deaths.alone)
                    return Reject(Reason.CRASH, "", f"the process died {deaths.alone} times while it was scoring this")
        return None

    @contextmanager
    def scoring(self, batch: Batch) -> Iterator[None]:
        """Remember, while the block lasts, that a batch is being scored; blocks may overlap in threads.

        None overlaps with that of a batch of one payment: of two, the file would not name the one.
        """
        with self._one_at_a_time if self._is_named(batch) else nullcontext(), self._remembering(batch):
            yield

    def _is_named(self, batch: Batch) -> bool:
        with self._lock:
            return self._alone > 0 or any(len(other.messages) == 1 for other in (batch, *self._at_work))

    @contextmanager
    def _remembering(self, batch: Batch) -> Iterator[None]:
        with self._lock:
            self._at_work.append(batch)
            self._write()
        try:
            yield
        finally:
            with self._lock:
                self._at_work = [other for other in self._at_work if other is not batch]
                self._write()

    def _write(self) -> None:
        firsts: dict[Place, int] = {}
        for batch in self._at_work:
            for place, offset in batch.first_offsets.items():
                firsts[place] = min(offset, firsts.get(place, offset))
        content = orjson.dumps(
            {
                "scoring": [[*place, offset] for place, offset in firsts.items()],
                "messages": sum(len(batch.messages) for batch in self._at_work),
                "alone": self._alone,
                "in_small": self._in_small,
                "deaths": [[*place, d.offset, d.together, d.alone] for place, d in self._deaths.items()],
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
        self._alone, was_in_small = told["alone"], told.get("in_small", 0) > 0
        self._in_small = told.get("in_small", 0)
        self._deaths = {(topic, partition): Deaths(*counts) for topic, partition, *counts in told["deaths"]}
        messages = told["messages"]
        for topic, partition, offset in told["scoring"]:
            before = self._deaths.get((topic, partition))
            if before is None or before.offset != offset:
                before = Deaths(offset)
            together, alone = before.together + (messages > 1), before.alone + (messages == 1)
            self._deaths[topic, partition] = Deaths(offset, together, alone)
            if together >= DEATHS_TOGETHER or was_in_small or alone:
                self._alone = max(self._alone, messages)
            else:
                self._in_small = messages + 2 * SMALL_BATCH  # the last of them are at work when they are counted down
            log.error(
                "died while scoring", topic=topic, partition=partition, offset=offset, messages=messages,
                together=together, alone=alone,
            )  # fmt: skip
