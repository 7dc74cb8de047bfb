"""What the sink keeps of a record that cannot be kept as it should: its bytes, its place and the reason. Pure."""

from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message

from services.common.errors import Reject

KEEP = """
    insert into sink_rejects
        (cluster_id, topic, partition, "offset", timestamp_ms, reason, field, message, key, value)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    on conflict (cluster_id, topic, partition, "offset") do update set
        timestamp_ms = excluded.timestamp_ms, reason = excluded.reason, field = excluded.field,
        message = excluded.message, key = excluded.key, value = excluded.value, rejected_at = now(), replayed_at = null
"""
"""A place that is read again, because the database begins anew or the topic was recreated, counts as it is now."""


@dataclass(frozen=True, slots=True)
class RejectRow:
    """A record that breaks the contract, its bytes untouched; `timestamp_ms` is Kafka's."""

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
        """Where it lies: topic/partition/offset."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    def parameters(self, cluster_id: str) -> tuple[Any, ...]:
        """Return the parameters of KEEP."""
        return (
            cluster_id, self.topic, self.partition, self.offset, self.timestamp_ms, self.reason, self.field,
            self.message, self.key, self.value,
        )  # fmt: skip


def reject_row(message: Message, reject: Reject) -> RejectRow:
    """Return the row that keeps a record which breaks the contract."""
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
