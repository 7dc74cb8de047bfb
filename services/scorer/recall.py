"""The histories of the owned partitions: adds each transaction's past to a batch, and returns the changelog of it.

A batch changes the histories at once, before it is committed. If it then fails, its session ends and the histories with
it; the next session restores what is committed. So histories and changelog never differ for longer than a batch.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from confluent_kafka import Message
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from services.common.logs import get_logger
from services.scorer import metrics
from services.scorer.decode import Columns
from services.scorer.features import FeaturePlan
from services.scorer.history.changelog import Record, Restored, to_records
from services.scorer.history.events import Events
from services.scorer.history.history import History, Past
from services.scorer.history.look_back import Reading

Restore = Callable[[Iterable[int]], Iterable[tuple[int, Restored]]]
"""Yields each partition with its history."""

REWRITES_A_BATCH = 100
"""Old changelog records rewritten with a batch: a restore may find thousands, which must not delay one."""

log = get_logger()


class PartitionHistories:
    """The histories of one session of the Kafka clients."""

    def __init__(self, plan: FeaturePlan, restore: Restore | None = None) -> None:
        """Begin without a partition.

        Args:
            plan: what is kept of each transaction, and its key.
            restore: where a new partition's history comes from; None: it begins empty.
        """
        self._plan = plan
        self._restore = restore or self._begin_empty
        self._history = History(plan.numbers)
        self._rewrites: dict[int, list[Record]] = {}
        self._assignments: dict[int, int] = {}
        self._reported_wrong_key = False

    @property
    def partitions(self) -> dict[int, int]:
        """The partitions whose histories are held -> number of the assignment they were restored for."""
        return dict(self._assignments)

    def follow(self, partitions: Mapping[int, int]) -> None:
        """Hold the histories of exactly these partitions; restore those of a new assignment.

        A partition that was revoked and assigned again is restored too: another member may have scored in between.

        Args:
            partitions: partition -> number of its assignment.

        Raises:
            Retry: the changelog cannot be read.
        """
        if partitions == self._assignments:
            return
        for partition, assignment in self._assignments.items():
            if partitions.get(partition) != assignment:
                self._history.release(partition)
                del self._rewrites[partition]
        if new := sorted(partitions.keys() - self._rewrites.keys()):
            for partition, restored in self._restore(new):
                self._history.take_over(partition, restored.history)
                self._rewrites[partition] = restored.rewrites
        self._assignments = dict(partitions)
        metrics.CUSTOMERS.set(len(self._history))

    def recall(
        self, messages: Sequence[Message], columns: Columns, readings: Sequence[Reading]
    ) -> tuple[Columns, dict[int, list[Record]]]:
        """Return the columns with each transaction's past, and partition -> the changelog records of the batch.

        A transaction whose key is not its customer has no past and is not stored: the customer's history is in the
        partition of the right key, which may be another scorer's.
        """
        read = [messages[row] for row in columns.rows.tolist()]
        keys = [message.key() or b"" for message in read]
        keyed = are_keys(keys, columns, self._plan.contract.record.key)
        events = to_events(keys, columns, self._plan).take(keyed)
        partitions = np.array([message.partition() for message in read], np.int64)[keyed]
        past = self._history.observe(events, readings, partitions)
        values = np.full((len(columns), len(readings)), np.nan)
        values[keyed] = past.values
        self._count(int((~keyed).sum()), int((~past.stored).sum()))
        return with_past(columns, readings, values), self._records(events, partitions, past)

    def _begin_empty(self, partitions: Iterable[int]) -> list[tuple[int, Restored]]:
        return [(partition, Restored(History(self._plan.numbers), [])) for partition in partitions]

    def _records(self, events: Events, partitions: NDArray[np.int64], past: Past) -> dict[int, list[Record]]:
        """Return partition -> the changelog records of a batch, and some of those that the restore found to rewrite."""
        records: dict[int, list[Record]] = {}
        for partition in np.unique(partitions).tolist():
            new = past.stored & (partitions == partition)
            rewrites = self._rewrites[partition]
            records[partition] = to_records(
                self._plan.numbers, events.take(new), past.sequences[new], past.evicted.get(partition, ())
            )
            records[partition] += rewrites[:REWRITES_A_BATCH]
            self._rewrites[partition] = rewrites[REWRITES_A_BATCH:]
        return records

    def _count(self, wrong_key: int, not_stored: int) -> None:
        metrics.NOT_REMEMBERED.inc(not_stored)
        metrics.WITHOUT_HISTORY.inc(wrong_key)
        if wrong_key and not self._reported_wrong_key:
            self._reported_wrong_key = True
            key = "|".join(self._plan.contract.record.key)
            log.warning("scored_without_history", transactions=wrong_key, reason=f"the key is not {key}")


def to_events(keys: Sequence[bytes], columns: Columns, plan: FeaturePlan) -> Events:
    """Return transactions as the history sees them, each a customer's whose key it is."""
    return Events(
        customers=hashes(keys),
        seconds=columns.seconds,
        ids=hashes([name.encode() for name in columns.ids]),
        numbers=plan.stored_numbers(columns),
    )


def with_past(columns: Columns, readings: Sequence[Reading], values: NDArray[np.float64]) -> Columns:
    """Return the columns with what they see of the past, float64 [n, readings]."""
    return replace(columns, past={reading: values[:, place] for place, reading in enumerate(readings)})


def customer_keys(columns: Columns, fields: Sequence[str]) -> list[bytes | None]:
    """Return the key that each transaction should have, None where a part of it is missing."""
    parts = zip(*(columns.texts[field] for field in fields), strict=True)
    return ["|".join(names).encode() if all(names) else None for names in parts]


def are_keys(keys: Sequence[bytes], columns: Columns, fields: Sequence[str]) -> NDArray[np.bool_]:
    """Return which keys are those of their transactions, bool [n]: the texts of these fields, joined by |."""
    parts = [columns.texts[field] for field in fields]
    if all(map(all, parts)):
        # Usually all keys are right, and one comparison of the joined texts shows it. The lines are counted because a
        # name with a line break could make two different lists join to the same text.
        together = "\n".join(map("|".join, zip(*parts, strict=True)))
        if together.count("\n") == len(keys) - 1 and together.encode() == b"\n".join(keys):
            return np.ones(len(keys), np.bool_)
    return np.array([key == own for key, own in zip(keys, customer_keys(columns, fields), strict=True)], np.bool_)


def hashes(values: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return the XXH3 of each value, uint64 [n] (xxHash, "XXH3 algorithm overview")."""
    return np.fromiter(map(xxh3_64_intdigest, values), np.uint64, len(values))
