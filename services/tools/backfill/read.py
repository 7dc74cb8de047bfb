"""Reads a range of `transactions` beside the scorers: no group, no offsets are committed. Knows nothing of scores."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from services.common.errors import Stop
from services.common.kafka.assignment import watermarks
from services.common.kafka.closing import close
from services.common.settings import KafkaSettings

BROKER_TIMEOUT_SECONDS = 10.0
READ_AT_ONCE = 10_000
READ_WAIT_SECONDS = 0.5
SILENCE_SECONDS = 60.0
"""A broker that gives nothing for so long is taken for gone."""


@dataclass(frozen=True, slots=True)
class Range:
    """The offsets of a partition from `first`, included, to `end`, not included."""

    first: int
    end: int


def find_ranges(kafka: KafkaSettings, topic: str, since: datetime | None, until: datetime | None) -> dict[int, Range]:
    """Return partition -> its offsets between two moments of the brokers' clock; None: all there is as of now.

    Raises:
        Stop: there is no such topic, or no broker answers.
    """
    admin = AdminClient(kafka.client_config())
    try:
        partitions = admin.list_topics(topic, timeout=BROKER_TIMEOUT_SECONDS).topics[topic].partitions
        if not partitions:
            raise Stop(f"there is no topic {topic}")
        places = [(topic, partition) for partition in partitions]
        lows = watermarks(admin, places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        ends = watermarks(admin, places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        firsts = watermarks(admin, places, _at(since)) if since else lows
        lasts = watermarks(admin, places, _at(until)) if until else ends
    except KafkaException as error:
        raise Stop(f"cannot see the topic {topic}: {error.args[0].str()}") from error
    ranges = {}
    for place, end in ends.items():
        first, last = (end if offset < 0 else offset for offset in (firsts[place], lasts[place]))  # -1: nothing later
        ranges[place[1]] = Range(first, max(first, last))
    return ranges


def read_range(kafka: KafkaSettings, topic: str, ranges: dict[int, Range]) -> Iterator[list[Message]]:
    """Yield the messages of the ranges, in each partition by offset, some thousands at a time.

    Raises:
        Stop: the broker is gone.
    """
    left = {partition: part for partition, part in ranges.items() if part.first < part.end}
    consumer = Consumer(
        kafka.client_config(
            group_id="fraud-backfill",  # not used: partitions are assigned by hand and nothing is committed
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
    )
    try:
        consumer.assign([TopicPartition(topic, partition, part.first) for partition, part in left.items()])
        silent = 0.0
        while left:
            found = consumer.consume(READ_AT_ONCE, READ_WAIT_SECONDS)
            silent = 0.0 if found else silent + READ_WAIT_SECONDS
            if silent >= SILENCE_SECONDS:
                raise Stop(f"the broker gave nothing of {topic} for {SILENCE_SECONDS:.0f} s")
            if messages := [m for m in found if not m.error() and (m.offset() or 0) < ranges[m.partition() or 0].end]:
                yield messages
            for place in consumer.position([TopicPartition(topic, partition) for partition in left]):
                if place.offset >= ranges[place.partition].end:
                    del left[place.partition]
    except KafkaException as error:
        raise Stop(f"reading {topic} failed: {error.args[0].str()}") from error
    finally:
        close(consumer)


def _at(moment: datetime) -> OffsetSpec:
    """Return the first message of a moment; negative times would be names of offsets to Kafka (-1: the latest)."""
    spec: OffsetSpec = OffsetSpec.for_timestamp(max(0, int(moment.timestamp() * 1000)))
    return spec
