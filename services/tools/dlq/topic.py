"""Reads the dead letters' topic from its beginning to its end as it is now. Knows nothing of what is done with it."""

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Self, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from services.common.errors import Reject, Retry, Stop
from services.common.kafka.assignment import watermarks
from services.common.kafka.closing import close
from services.common.kafka.dead_letters import Headers, attempts_of, errors_of, is_note, offsets_of_note, whole
from services.common.kafka.offsets import moment_of
from services.common.settings import KafkaSettings
from services.tools.dlq.letter import UNKNOWN, Letter

BROKER_TIMEOUT_SECONDS = 10.0
READ_AT_ONCE = 1_000
READ_WAIT_SECONDS = 0.5
STUCK_SECONDS = 60.0
"""Longer than an open Kafka transaction of a dead scorer can keep the end out of sight (10 s, and 10 s to notice)."""

RecordPosition = tuple[int, int]
"""(partition, offset) in the dead letters' topic."""


class DeadLetters:
    """The topic up to where it ended when this was opened, and which of its letters were replayed by then."""

    def __init__(self, kafka: KafkaSettings, topic: str, ends: dict[int, int]) -> None:
        self._kafka = kafka
        self._topic = topic
        self._ends = ends
        self.replayed = self._read_notes()

    @classmethod
    def open(cls, kafka: KafkaSettings, topic: str) -> Self:
        """Ask where the topic ends, and read its notes.

        The end is the newest offset there is, committed or not: an open Kafka transaction may lie before a note.

        Raises:
            Stop: there is no such topic; Retry: the broker does not answer.
        """
        admin = AdminClient(kafka.client_config())
        try:
            found = admin.list_topics(topic, timeout=BROKER_TIMEOUT_SECONDS).topics[topic]
            if found.error is not None:
                raise Stop(f"topic {topic}: {found.error.str()}")
            latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
            ends = watermarks(admin, [(topic, partition) for partition in found.partitions], latest)
        except KafkaException as error:
            raise Retry(f"asking Kafka where {topic} ends failed: {error.args[0].name()}") from error
        return cls(kafka, topic, {partition: end for (_, partition), end in ends.items()})

    def letters(self) -> Iterator[Letter]:
        """Yield every letter; those of a partition by offset.

        Raises:
            Retry: the broker does not answer, or a Kafka transaction stays open.
        """
        for message in self._read():
            if not is_note(_headers(message)):
                yield to_letter(message, replayed=_place(message) in self.replayed)

    def _read_notes(self) -> set[RecordPosition]:
        replayed: set[RecordPosition] = set()
        for message in self._read():
            if is_note(_headers(message)):
                partition, _ = _place(message)
                replayed |= {(partition, offset) for offset in offsets_of_note(message.value())}
        return replayed

    def _read(self) -> Iterator[Message]:
        missing = {partition for partition, end in self._ends.items() if end > 0}
        consumer = Consumer(
            self._kafka.client_config(
                group_id="fraud-dlq",  # not used: partitions are assigned by hand and nothing is committed
                isolation_level="read_committed",
                enable_auto_commit=False,
                enable_partition_eof=True,
                auto_offset_reset="earliest",
            )
        )
        heard_at = time.monotonic()
        try:
            consumer.assign([TopicPartition(self._topic, partition, OFFSET_BEGINNING) for partition in missing])
            while missing:
                messages = consumer.consume(READ_AT_ONCE, READ_WAIT_SECONDS)
                for message in messages:
                    partition, offset = _place(message)
                    error = message.error()
                    if error is None:
                        if offset < self._ends[partition]:
                            yield message
                    elif error.code() != KafkaError._PARTITION_EOF:
                        raise Retry(f"reading {self._topic} failed: {error.name()}")
                    elif offset >= self._ends[partition]:
                        missing.discard(partition)
                if messages:
                    heard_at = time.monotonic()
                elif time.monotonic() - heard_at > STUCK_SECONDS:
                    raise Retry(f"the end of {self._topic} stays out of sight: Kafka is away, or a transaction is open")
        except KafkaException as error:
            raise Retry(f"reading {self._topic} failed: {error.args[0].name()}") from error
        finally:
            close(consumer)


def to_letter(message: Message, *, replayed: bool) -> Letter:
    """Return a letter as it was read; what its headers do not tell, or tell badly, stays empty."""
    headers = _headers(message)
    told = defaultdict(str, errors_of(headers))
    partition, offset = _place(message)
    return Letter(
        topic=told["topic"],
        partition=whole(told["partition"], -1),
        offset=whole(told["offset"], -1),
        at=(message.topic() or "", partition, offset),
        reason=told["reason"] or UNKNOWN,
        field=told["field"],
        message=told["message"],
        rejected_at=_moment(message.timestamp()[1]),
        attempts=attempts_of(told),
        replayed=replayed,
        truncated=any(name.startswith("truncated.") for name in told),
        key=message.key(),
        value=message.value(),
        headers=headers or [],
    )


def _headers(message: Message) -> Headers | None:
    return cast(Headers | None, message.headers())


def _place(message: Message) -> RecordPosition:
    return message.partition() or 0, message.offset() or 0


def _moment(timestamp_ms: int) -> datetime:
    """Return the broker's time of a record; a producer may have written anything there."""
    try:
        return moment_of(timestamp_ms)
    except Reject:
        return datetime.fromtimestamp(0, UTC)
