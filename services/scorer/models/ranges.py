"""Which model scored what: messages of `scorer.models` that say from which offset on a model scores.

A range is published once for each assignment of a partition, and again when the model changes, in the Kafka transaction
of its first batch: it exists exactly if the batch does. So the model of a transaction is that of the newest range of
its partition that begins at or before its offset.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from services.common.kafka.assignment import Batch
from services.common.manifest import Manifest
from services.scorer.history.changelog import Record


@dataclass(slots=True)
class ModelRanges:
    """The ranges that one session has begun."""

    _assignments: dict[int, int] = field(default_factory=dict)
    _current: dict[int, tuple[int, str, str, float]] = field(default_factory=dict)

    def follow(self, partitions: Mapping[int, int]) -> None:
        """Note the owned partitions -> number of their assignment: between two, another scorer may have scored."""
        self._assignments = dict(partitions)

    def begin(self, batch: Batch, manifest: Manifest) -> list[Record]:
        """Return the messages of the ranges that begin with a batch; mostly none.

        They count as published at once: if the batch is not written, its session ends and this object with it.
        """
        records: list[Record] = []
        for (_, partition), first_offset in batch.first_offsets.items():
            assignment = self._assignments.get(partition, 0)
            current = (assignment, manifest.version, manifest.sha256, manifest.threshold)
            if self._current.get(partition) != current:
                self._current[partition] = current
                records.append(_record(partition, first_offset, manifest))
        return records


def _record(partition: int, first_offset: int, manifest: Manifest) -> Record:
    fields = {
        "partition": partition,
        "first_offset": first_offset,
        "model_version": manifest.version,
        "model_sha256": manifest.sha256,
        "threshold": manifest.threshold,
    }
    return {"key": b"span/%d/%d" % (partition, first_offset), "value": orjson.dumps({"span": fields})}
