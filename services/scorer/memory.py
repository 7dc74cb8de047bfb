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
from services.scorer.changelog import Record, Restored, to_records
from services.scorer.decode import Columns
from services.scorer.events import Events
from services.scorer.history import PAST, History
from services.scorer.manifest import Recipe
from services.scorer.risk import payment_risks

Restore = Callable[[Iterable[int]], Mapping[int, Restored]]

UNKEYED = -1

REWRITES_AT_ONCE = 100
"""Old records of the changelog written anew with a batch."""

log = get_logger()


def uses_history(recipe: Recipe) -> bool:
    """Return whether a model wants to know the past at all."""
    return not set(PAST).isdisjoint(recipe.features)


class Memory:
    """The histories of one session."""

    def __init__(self, recipe: Recipe, restore: Restore) -> None:
        self._recipe = recipe
        self._restore = restore
        self._histories: dict[int, History] = {}
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
                del self._histories[partition]
        if new := sorted(partitions.keys() - self._histories.keys()):
            for partition, restored in self._restore(new).items():
                self._histories[partition], self._rewrites[partition] = restored.history, restored.rewrites
        self._assignments = dict(partitions)
        metrics.CUSTOMERS.set(sum(map(len, self._histories.values())))

    def recall(self, messages: Sequence[Message], columns: Columns) -> tuple[Columns, dict[int, list[Record]]]:
        """Return the columns with each payment's past, and partition -> the changelog records of the batch.

        A payment whose key is not its customer has no past and leaves none: its partition may not be its customer's.
        """
        read = [messages[row] for row in columns.rows.tolist()]
        keys = [message.key() or b"" for message in read]
        known = are_customers(keys, columns)
        partitions = np.array([message.partition() for message in read], np.int64)
        partitions[~known] = UNKEYED
        events = Events(
            customers=hashes(keys),
            seconds=columns.seconds,
            amounts=columns.numbers["amount"].astype(np.float32),
            ids=hashes([name.encode() for name in columns.ids]),
            risks=payment_risks(columns, self._recipe),
        )
        values = np.full((len(columns), len(PAST)), np.nan)
        records: dict[int, list[Record]] = {}
        not_remembered = 0
        for partition in np.unique(partitions[partitions != UNKEYED]).tolist():
            rows = np.flatnonzero(partitions == partition)
            own = events.take(rows)
            past = self._histories[partition].observe(own)
            values[rows] = past.values
            records[partition] = to_records(own.take(past.kept), past.sequences[past.kept], past.forgotten)
            records[partition] += self._some_rewrites(partition)
            not_remembered += len(rows) - int(past.kept.sum())
        self._count(int((~known).sum()), not_remembered)
        return replace(columns, past=values), records

    def _some_rewrites(self, partition: int) -> list[Record]:
        """Return some of the records that the restore found to be written anew, a few a batch."""
        rewrites = self._rewrites.get(partition, [])
        some, self._rewrites[partition] = rewrites[:REWRITES_AT_ONCE], rewrites[REWRITES_AT_ONCE:]
        return some

    def _count(self, unkeyed: int, not_remembered: int) -> None:
        metrics.FORGETFUL.inc(not_remembered)
        metrics.UNKEYED.inc(unkeyed)
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
