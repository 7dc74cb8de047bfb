"""Reads the dead letters' topic from its beginning to its end as it is now."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Self, cast

from confluent_kafka import Message

from services.common.errors import Reject
from services.common.kafka.dead_letters import (
    Headers,
    attempts_of,
    errors_of,
    is_replay_marker,
    replayed_offsets,
    whole,
)
from services.common.kafka.offsets import moment_of
from services.common.kafka.scan import DLQ_GROUP, Range, scan, whole_topic
from services.common.settings import KafkaSettings
from services.tools.dlq.dead_letter import UNKNOWN, DeadLetter

RecordPosition = tuple[int, int]
"""(partition, offset) in the dead letters' topic."""


class DeadLetterTopic:
    """The topic up to where it ended when this was opened, and which of its dead letters were replayed by then."""

    def __init__(self, kafka: KafkaSettings, topic: str, ranges: dict[int, Range]) -> None:
        self._kafka = kafka
        self._topic = topic
        self._ranges = ranges
        self.replayed = self._read_notes()

    @classmethod
    def open(cls, kafka: KafkaSettings, topic: str) -> Self:
        """Ask where the topic ends, and read its notes.

        Raises:
            Retry: there is no such topic, or the broker does not answer.
        """
        return cls(kafka, topic, whole_topic(kafka, topic))

    def dead_letters(self) -> Iterator[DeadLetter]:
        """Yield every dead letter; those of a partition by offset.

        Raises:
            Retry: the broker does not answer, or a Kafka transaction stays open.
        """
        for message in self._read():
            if not is_replay_marker(_headers(message)):
                yield to_dead_letter(message, replayed=_position(message) in self.replayed)

    def _read_notes(self) -> set[RecordPosition]:
        replayed: set[RecordPosition] = set()
        for message in self._read():
            if is_replay_marker(_headers(message)):
                partition, _ = _position(message)
                replayed |= {(partition, offset) for offset in replayed_offsets(message.value())}
        return replayed

    def _read(self) -> Iterator[Message]:
        return chain.from_iterable(scan(self._kafka, DLQ_GROUP, self._topic, self._ranges))


def to_dead_letter(message: Message, *, replayed: bool) -> DeadLetter:
    """Return a dead letter as it was read; what its headers lack, or hold in a wrong form, stays empty."""
    headers = _headers(message)
    errors = defaultdict(str, errors_of(headers))
    partition, offset = _position(message)
    return DeadLetter(
        topic=errors["topic"],
        partition=whole(errors["partition"], -1),
        offset=whole(errors["offset"], -1),
        at=(message.topic() or "", partition, offset),
        reason=errors["reason"] or UNKNOWN,
        field=errors["field"],
        message=errors["message"],
        rejected_at=_moment(message.timestamp()[1]),
        attempts=attempts_of(errors),
        replayed=replayed,
        truncated=any(name.startswith("truncated.") for name in errors),
        key=message.key(),
        value=message.value(),
        headers=headers or [],
    )


def _headers(message: Message) -> Headers | None:
    return cast(Headers | None, message.headers())


def _position(message: Message) -> RecordPosition:
    return message.partition() or 0, message.offset() or 0


def _moment(timestamp_ms: int) -> datetime:
    """Return the broker's time of a record; a producer may have written anything there."""
    try:
        return moment_of(timestamp_ms)
    except Reject:
        return datetime.fromtimestamp(0, UTC)
