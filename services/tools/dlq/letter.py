"""A rejected record, wherever it is kept, and which of them a person means. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.common.errors import Reject
from services.common.kafka.dead_letters import Headers
from services.common.message import open_envelope

UNKNOWN = "unknown"
"""Reason of a letter that does not tell its own."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that was rejected.

    Attributes:
        topic, partition, offset: where the record came from.
        at: (dead letters' topic or id of the Kafka cluster, partition, offset): where it is kept now.
        rejected_at: when, with a time zone.
        timestamp_ms: Kafka's time of the record, milliseconds since 1970; if that was not kept, when it was rejected.
        attempts: how often it was tried so far.
        replayed: whether it was replayed already.
        truncated: whether a part of it was too large to be kept.
        headers: the record's own, then those that tell the error.
    """

    topic: str
    partition: int
    offset: int
    at: tuple[str, int, int]
    reason: str
    field: str
    message: str
    rejected_at: datetime
    timestamp_ms: int
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
    def transaction_id(self) -> str:
        """The id in the record, as far as it can be read; else the empty text."""
        try:
            return open_envelope(self.value)[0] or ""
        except Reject:
            return ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters a person means: those that fit everything that is given.

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

    def takes(self, letter: Letter) -> bool:
        """Return whether a letter is meant."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.partitions or letter.partition in self.partitions)
            and (self.first_offset is None or letter.offset >= self.first_offset)
            and (self.last_offset is None or letter.offset <= self.last_offset)
            and (self.since is None or letter.rejected_at >= self.since)
            and (self.until is None or letter.rejected_at < self.until)
        )


def obstacle(letter: Letter, topics: Collection[str], most_attempts: int) -> str | None:
    """Return why a letter cannot be replayed, None if it can."""
    if letter.replayed:
        return "replayed already"
    if letter.truncated:
        return "kept in part only (it was too large): its producer must send it again"
    if letter.topic not in topics:
        return f"from another topic than {' or '.join(sorted(topics))}"
    if letter.attempts >= most_attempts:
        return f"tried {most_attempts} times or more: mend its producer, or raise --max-attempts"
    return None


def moment(text: str, now: datetime) -> datetime:
    """Return the moment that is meant by `30m` (ago; also s, h, d) or `2026-11-24T03:00` (UTC unless it says other).

    Raises:
        ValueError: neither.
    """
    if text[-1:] in _UNITS and text[:-1].isdigit():
        try:
            return now - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        except OverflowError:
            raise ValueError(f"{text} is too long ago") from None
    found = datetime.fromisoformat(text)
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"{text} is outside of the years 1 to 9999 in UTC") from None
