"""Records that the sink cannot store as rows: their bytes, position and reason, and the limits for them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from confluent_kafka import Message

from services.common.errors import Reject
from services.common.kafka.assignment import Batch
from services.common.kafka.reject_limit import RejectLimit
from services.sink import metrics
from services.sink.settings import SinkSettings

KEEP = """
    insert into sink_rejects
        (cluster_id, topic, partition, "offset", timestamp_ms, reason, field, message, key, value)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    on conflict (cluster_id, topic, partition, "offset") do update set
        timestamp_ms = excluded.timestamp_ms, reason = excluded.reason, field = excluded.field,
        message = excluded.message, key = excluded.key, value = excluded.value, rejected_at = now(), replayed_at = null
"""
"""A position may be rejected again: after a restore of the database, or in a recreated topic. The newest one counts."""


@dataclass(frozen=True, slots=True)
class RejectRow:
    """A rejected record, its bytes unchanged; `timestamp_ms` is Kafka's."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    reason: str
    field: str
    message: str
    key: bytes | None
    value: bytes | None

    @property
    def place(self) -> str:
        """Its position, topic/partition/offset."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    def parameters(self, cluster_id: str) -> tuple[Any, ...]:
        """Return the parameters of KEEP."""
        return (
            cluster_id, self.topic, self.partition, self.offset, self.timestamp_ms, self.reason, self.field,
            self.message, self.key, self.value,
        )  # fmt: skip


def reject_row(message: Message, reject: Reject) -> RejectRow:
    """Return the row of a rejected record."""
    return RejectRow(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        timestamp_ms=message.timestamp()[1],
        reason=reject.reason.value,
        field=reject.field,
        message=reject.message,
        key=message.key(),
        value=message.value(),
    )


class RejectLimits:
    """The reject limits of a sink by topic, and their metrics."""

    def __init__(self, limits: Mapping[str, RejectLimit]) -> None:
        self._limits = limits
        for topic, limit in limits.items():
            self._show(topic)
            metrics.REJECT_LIMIT_BROKEN.labels(topic).set_function(partial(getattr, limit, "exceeded"))

    @classmethod
    def of(cls, topics: Iterable[str], settings: SinkSettings) -> Self:
        """Return the limits that the settings give for each topic."""
        share, in_a_row = settings.reject_limit_share, settings.reject_limit_in_a_row
        return cls({topic: RejectLimit(share, in_a_row) for topic in topics})

    def count(self, batch: Batch, rejects: Sequence[RejectRow]) -> None:
        """Count the messages of a written batch and the rejects among them."""
        for topic, (messages, places) in _by_topic(batch, rejects).items():
            self._limits[topic].count(messages, places, lambda row, of=places: of[row].place)  # type: ignore[misc]
            self._show(topic)

    def _show(self, topic: str) -> None:
        limit = self._limits[topic]
        metrics.REJECT_SHARE.labels(topic).set(limit.share)
        metrics.REJECTS_IN_A_ROW.labels(topic).set(limit.in_a_row)


def _by_topic(batch: Batch, rejects: Sequence[RejectRow]) -> dict[str, tuple[int, dict[int, RejectRow]]]:
    """Return topic -> number of messages in the batch, and place among them -> reject."""
    if not rejects:
        return {topic: (messages, {}) for topic, messages in Counter(m.topic() or "" for m in batch.messages).items()}
    rejected = {(reject.topic, reject.partition, reject.offset): reject for reject in rejects}
    found: dict[str, tuple[int, dict[int, RejectRow]]] = {}
    for message in batch.messages:
        topic = message.topic() or ""
        messages, places = found.get(topic, (0, {}))
        if reject := rejected.get((topic, message.partition() or 0, message.offset() or 0)):
            places[messages] = reject
        found[topic] = (messages + 1, places)
    return found
