"""The histories of the owned partitions: gives each payment of a batch its past, and the records that keep it.

What a batch changes is changed at once. If the batch then fails, its session ends and its memory with it; the next
session restores what is committed. So memory and changelog never differ for longer than a batch.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from confluent_kafka import Message
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from services.common.contract import CUSTOMER_FIELDS
from services.common.logs import get_logger
from services.scorer import metrics
from services.scorer.decode import Columns
from services.scorer.features import payment_risks
from services.scorer.history.changelog import Record, Restored, to_records
from services.scorer.history.events import Events
from services.scorer.history.history import PAST, History, Past
from services.scorer.manifest import Recipe

Restore = Callable[[Iterable[int]], Iterable[tuple[int, Restored]]]
"""Gives each partition's history, one after the other."""

REWRITES_AT_ONCE = 100
"""Old records of the changelog written anew with a batch."""

log = get_logger()


def begin_empty(partitions: Iterable[int]) -> list[tuple[int, Restored]]:
    """Restore nothing: each partition begins with an empty history, whatever its changelog says."""
    return [(partition, Restored(History(), [])) for partition in partitions]


def uses_history(recipe: Recipe) -> bool:
    """Return whether a model wants to know the past at all."""
    return not set(PAST).isdisjoint(recipe.features)


class PartitionHistories:
    """The histories of one session."""

    def __init__(self, recipe: Recipe, restore: Restore) -> None:
        self._recipe = recipe
        self._restore = restore
        self._history = History()
        self._rewrites: dict[int, list[Record]] = {}
        self._assignments: dict[int, int] = {}
        self._told_unkeyed = False

    @property
    def partitions(self) -> dict[int, int]:
        """The partitions whose histories are held -> the assignment they are of."""
        return dict(self._assignments)

    def follow(self, partitions: Mapping[int, int]) -> None:
        """Hold the histories of these partitions and of no others; restores those of a new assignment.

        A partition that was away for a moment is restored too: another member may have gone on with it.

        Args:
            partitions: partition -> number of its assignment.

        Raises:
            Retry: the changelog cannot be read.
        """
        if partitions == self._assignments:
            return
        for partition, assignment in self._assignments.items():
            if partitions.get(partition) != assignment:
                self._history.give_up(partition)
                del self._rewrites[partition]
        if new := sorted(partitions.keys() - self._rewrites.keys()):
            for partition, restored in self._restore(new):
                self._history.take_over(partition, restored.history)
                self._rewrites[partition] = restored.rewrites
        self._assignments = dict(partitions)
        metrics.CUSTOMERS.set(len(self._history))

    def recall(self, messages: Sequence[Message], columns: Columns) -> tuple[Columns, dict[int, list[Record]]]:
        """Return the columns with each payment's past, and partition -> the changelog records of the batch.

        A payment whose key is not its customer has no past and leaves none: its partition may not be its customer's.
        """
        read = [messages[row] for row in columns.rows.tolist()]
        keys = [message.key() or b"" for message in read]
        known = are_customers(keys, columns)
        events = Events(
            customers=hashes(keys),
            seconds=columns.seconds,
            amounts=columns.numbers["amount"].astype(np.float32),
            ids=hashes([name.encode() for name in columns.ids]),
            risks=payment_risks(columns, self._recipe),
        )
        events, partitions = events.take(known), np.array([message.partition() for message in read], np.int64)[known]
        past = self._history.observe(events, partitions)
        values = np.full((len(columns), len(PAST)), np.nan)
        values[known] = past.values
        self._count(int((~known).sum()), int((~past.kept).sum()))
        return replace(columns, past=values), self._records(events, partitions, past)

    def _records(self, events: Events, partitions: NDArray[np.int64], past: Past) -> dict[int, list[Record]]:
        """Return partition -> what is to be kept of a batch, and some of what the restore found to be written anew."""
        records: dict[int, list[Record]] = {}
        for partition in np.unique(partitions).tolist():
            new = past.kept & (partitions == partition)
            rewrites = self._rewrites[partition]
            some, self._rewrites[partition] = rewrites[:REWRITES_AT_ONCE], rewrites[REWRITES_AT_ONCE:]
            records[partition] = to_records(events.take(new), past.sequences[new], past.forgotten.get(partition, ()))
            records[partition] += some
        return records

    def _count(self, unkeyed: int, not_remembered: int) -> None:
        metrics.NOT_REMEMBERED.inc(not_remembered)
        metrics.WITHOUT_HISTORY.inc(unkeyed)
        if unkeyed and not self._told_unkeyed:
            self._told_unkeyed = True
            log.warning("scored without history", unkeyed=unkeyed, reason="the key is not name_1|name_2|street")


def customer_keys(columns: Columns) -> list[bytes | None]:
    """Return the key that each payment should have, None where a part of the customer is missing."""
    parts = zip(*(columns.texts[field] for field in CUSTOMER_FIELDS), strict=True)
    return ["|".join(names).encode() if all(names) else None for names in parts]


def are_customers(keys: Sequence[bytes], columns: Columns) -> NDArray[np.bool_]:
    """Return which keys are those of their payments' customers, bool [n].

    All at once where all of them are: as many lines, and the same text. If not, or if a name has a line in it, a key at
    a time.
    """
    parts = [columns.texts[field] for field in CUSTOMER_FIELDS]
    if all(map(all, parts)):
        together = "\n".join(map("|".join, zip(*parts, strict=True)))
        if together.count("\n") == len(keys) - 1 and together.encode() == b"\n".join(keys):
            return np.ones(len(keys), np.bool_)
    return np.array([key == own for key, own in zip(keys, customer_keys(columns), strict=True)], np.bool_)


def hashes(values: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return the XXH3 of each value, uint64 [n] (xxHash, "XXH3 algorithm overview")."""
    return np.fromiter(map(xxh3_64_intdigest, values), np.uint64, len(values))
