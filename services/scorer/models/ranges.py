"""Which model scored what: messages of `scorer.models` that say from which payment on. Knows no Kafka client.

A span is told once for each assignment of a partition and again when the model changes, in the Kafka transaction of
its first batch. So it is there exactly if the batch is, and the payment at a place of `transactions` was scored by the
model of the newest span of its partition that begins at or before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from services.common.kafka.assignment import Batch
from services.scorer.history.changelog import Record
from services.scorer.manifest import Manifest


@dataclass(slots=True)
class ModelRanges:
    """What one session has told."""

    _assignments: dict[int, int] = field(default_factory=dict)
    _told: dict[int, tuple[int, str, str, float]] = field(default_factory=dict)

    def follow(self, partitions: Mapping[int, int]) -> None:
        """Note the partitions that are owned -> number of the assignment: between two others may have scored."""
        self._assignments = dict(partitions)

    def begin(self, batch: Batch, manifest: Manifest) -> list[Record]:
        """Return the messages of the spans that begin with a batch: none, as a rule.

        They count as told: if the batch is not written, its session ends, and what it told with it.
        """
        records: list[Record] = []
        for (_, partition), first_offset in batch.first_offsets.items():
            assignment = self._assignments.get(partition, 0)
            told = (assignment, manifest.version, manifest.sha256, manifest.threshold)
            if self._told.get(partition) != told:
                self._told[partition] = told
                records.append(_record(partition, first_offset, manifest))
        return records


def _record(partition: int, first_offset: int, manifest: Manifest) -> Record:
    span = {
        "partition": partition,
        "first_offset": first_offset,
        "model_version": manifest.version,
        "model_sha256": manifest.sha256,
        "threshold": manifest.threshold,
    }
    return {"key": b"span/%d/%d" % (partition, first_offset), "value": orjson.dumps({"span": span})}
