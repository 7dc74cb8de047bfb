"""A dead letter, and the selection of those to show or to replay. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from services.common.errors import Reject
from services.common.kafka.dead_letters import Headers
from services.common.reading.message import open_envelope

UNKNOWN = "unknown"
"""Reason of a dead letter whose headers name none."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected record.

    Attributes:
        topic, partition, offset: where the record came from.
        at: (dead letters' topic, partition, offset): where it is stored now.
        rejected_at: with a time zone.
        attempts: how often it has been rejected.
        replayed: whether it has been replayed.
        truncated: whether it was too large and only its beginning was stored.
        headers: the record's own, then those of the error.
    """

    topic: str
    partition: int
    offset: int
    at: tuple[str, int, int]
    reason: str
    field: str
    message: str
    rejected_at: datetime
    attempts: int
    replayed: bool
    truncated: bool
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def source(self) -> str:
        """Where the record came from, for a person."""
        return f"{self.topic}/{self.partition}@{self.offset}"

    @property
    def place(self) -> str:
        """Where it is stored now, for a person."""
        return "{}/{}@{}".format(*self.at)

    @property
    def transaction_id(self) -> str:
        """The id in the record, as far as it can be read; else the empty text."""
        try:
            return open_envelope(self.value)[0] or ""
        except Reject:
            return ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Selects the dead letters that match all conditions given.

    Attributes:
        reasons: any of these; empty = all.
        partitions: any of these, of the topic the record came from; empty = all.
        first_offset, last_offset: of the record in the topic it came from, both included.
        since, until: when it was rejected; from `since` on, before `until`.
    """

    reasons: frozenset[str] = field(default_factory=frozenset)
    partitions: frozenset[int] = field(default_factory=frozenset)
    first_offset: int | None = None
    last_offset: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, dead_letter: DeadLetter) -> bool:
        """Return whether a dead letter is selected."""
        return (
            (not self.reasons or dead_letter.reason in self.reasons)
            and (not self.partitions or dead_letter.partition in self.partitions)
            and (self.first_offset is None or dead_letter.offset >= self.first_offset)
            and (self.last_offset is None or dead_letter.offset <= self.last_offset)
            and (self.since is None or dead_letter.rejected_at >= self.since)
            and (self.until is None or dead_letter.rejected_at < self.until)
        )


def obstacle(dead_letter: DeadLetter, topic: str, max_attempts: int) -> str | None:
    """Return why a dead letter cannot be replayed, None if it can."""
    if dead_letter.replayed:
        return "already replayed"
    if dead_letter.truncated:
        return "truncated because it was too large: its producer must send it again"
    if dead_letter.topic != topic:
        return f"from another topic than {topic}"
    if dead_letter.attempts >= max_attempts:
        return f"rejected {max_attempts} times or more: fix its producer, or raise --max-attempts"
    return None
