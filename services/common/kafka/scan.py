"""Reads a topic from one offset to another, outside of any group: nothing is committed."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from services.common.errors import Retry
from services.common.kafka.closing import close
from services.common.kafka.offsets import BROKER_TIMEOUT_SECONDS, EARLIEST, LATEST, watermarks
from services.common.settings import KafkaSettings

BACKFILL_GROUP, DLQ_GROUP, RESTORE_GROUP = "fraud-backfill", "fraud-dlq", "fraud-restore"
LABELS_GROUP, TRANSACTIONS_GROUP = "fraud-labels", "fraud-transactions"
"""Groups that nobody joins. librdkafka looks for their coordinator all the same, and gives up if it may not (ACLs)."""

READ_AT_ONCE = 10_000
READ_WAIT_SECONDS = 0.2
STALLED_SECONDS = 60.0
"""Longer than an open Kafka transaction of a dead scorer can hide the end: 10 s, and 10 s until it is noticed."""


class HeldBack(Retry):
    """A Kafka transaction without an end keeps readers from messages."""


@dataclass(frozen=True, slots=True)
class Range:
    """The offsets of a partition from `first`, included, to `end`, not included."""

    first: int
    end: int


def whole_topic(kafka: KafkaSettings, topic: str, partitions: Iterable[int] | None = None) -> dict[int, Range]:
    """Return partition -> all its offsets as of now; of all partitions if none are given.

    The end is the newest offset there is, committed or not: an open Kafka transaction may lie before it.

    Raises:
        Retry: there is no such topic, or the broker does not answer.
    """
    admin = AdminClient(kafka.client_config())
    try:
        numbers = _partitions(admin, topic) if partitions is None else partitions
        wanted = [(topic, number) for number in numbers]
        lows, ends = watermarks(admin, wanted, EARLIEST), watermarks(admin, wanted, LATEST)
    except KafkaException as error:
        raise Retry(f"cannot see the topic {topic}: {error.args[0].str()}") from error
    return {partition: Range(lows[topic, partition], ends[topic, partition]) for _, partition in wanted}


def _partitions(admin: AdminClient, topic: str) -> list[int]:
    found = admin.list_topics(topic, timeout=BROKER_TIMEOUT_SECONDS).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    return list(found.partitions)


def scan(
    kafka: KafkaSettings,
    group_id: str,
    topic: str,
    ranges: Mapping[int, Range],
    progress: Callable[[], None] = lambda: None,
    stalled_seconds: float = STALLED_SECONDS,
) -> Iterator[list[Message]]:
    """Yield the committed messages of ranges of partitions, in each partition by offset, as they come.

    Args:
        group_id: one of the groups above.
        progress: called between reads; may raise to give up.
        stalled_seconds: how long nothing may come.

    Raises:
        Retry: the broker does not answer, or nothing comes; HeldBack if that is for an open Kafka transaction.
    """
    missing = {partition for partition, wanted in ranges.items() if wanted.first < wanted.end}
    consumer = Consumer(
        kafka.client_config(
            group_id=group_id,
            isolation_level="read_committed",
            enable_auto_commit=False,
            enable_partition_eof=True,
            auto_offset_reset="earliest",
            fetch_queue_backoff_ms=20,
            fetch_wait_max_ms=20,  # 500 by default: what the end of a partition would be waited for
        )
    )
    try:
        consumer.assign([TopicPartition(topic, partition, ranges[partition].first) for partition in missing])
        read_at = time.monotonic()
        while missing:
            progress()
            messages = consumer.consume(1, READ_WAIT_SECONDS)  # for more than one it would wait to the end
            if messages:
                messages += consumer.consume(READ_AT_ONCE - 1, 0)
                if taken := _take(messages, ranges, missing):
                    yield taken
                read_at = time.monotonic()  # after the yield: whoever takes the messages may be slow
            elif time.monotonic() - read_at > stalled_seconds:
                raise _stalled(kafka, topic, {partition: ranges[partition].end for partition in missing})
    except KafkaException as error:
        raise Retry(f"reading {topic} failed: {error.args[0].name()}") from error
    finally:
        close(consumer)


def _stalled(kafka: KafkaSettings, topic: str, ends: Mapping[int, int]) -> Retry:
    """Return why nothing comes from these partitions: perhaps their last stable offsets are before the ends wanted."""
    places = [(topic, partition) for partition in ends]
    stable = watermarks(AdminClient(kafka.client_config()), places, LATEST, IsolationLevel.READ_COMMITTED)
    if held := sorted(partition for partition, end in ends.items() if stable[topic, partition] < end):
        return HeldBack(
            f"a Kafka transaction holds {topic} back in the partitions {held}; if this goes on: make doctor"
        )
    return Retry(f"reading {topic} stalled in the partitions {sorted(ends)}")


def _take(messages: list[Message], ranges: Mapping[int, Range], missing: set[int]) -> list[Message]:
    """Return the messages that lie in their ranges; take partitions whose end was reached out of `missing`.

    The last offsets of a range may hold markers of Kafka transactions, aborted messages or, in a compacted topic,
    nothing: then the next message or the end of the partition shows that they are passed.
    """
    taken = []
    for message in messages:
        error = message.error()
        if error and error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        partition, offset = message.partition() or 0, message.offset() or 0
        end = ranges[partition].end
        if not error and offset < end:
            taken.append(message)
        if offset >= (end if error else end - 1):
            missing.discard(partition)
    return taken
