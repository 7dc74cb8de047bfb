"""Reads the changelog of assigned partitions back into histories. Knows Kafka, not what a record means."""

import time
from collections.abc import Callable, Iterable, Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from services.common.errors import Retry, Stop
from services.common.kafka.assignment import watermarks
from services.common.kafka.closing import close
from services.common.logs import get_logger
from services.common.settings import KafkaSettings, TopicSettings
from services.scorer import metrics
from services.scorer.history.changelog import Restored, from_records

FIRST_OFFSET = 0
"""Where reading begins; auto.offset.reset mends one that is gone. OFFSET_BEGINNING has a new client wait for 0.5 s."""

READ_AT_ONCE = 20_000
READ_WAIT_SECONDS = 0.2
BROKER_TIMEOUT_SECONDS = 10.0
STALLED_SECONDS = 20.0
"""So long nothing may be read: more than a Kafka transaction that nobody ends holds its partition up."""

log = get_logger()


def check_copartitioned(kafka: KafkaSettings, topics: TopicSettings) -> None:
    """Check that the changelog has as many partitions as the transactions: a customer is in the same one of both.

    Raises:
        Stop: it has not; Retry: one of them does not exist (yet), or the broker does not answer.
    """
    admin = AdminClient(kafka.client_config())
    try:
        found = {
            name: len(admin.list_topics(name, timeout=BROKER_TIMEOUT_SECONDS).topics[name].partitions)
            for name in (topics.transactions, topics.history)
        }
    except KafkaException as error:
        raise Retry(f"cannot see the topics: {error.args[0].name()}") from error
    if missing := [name for name, partitions in found.items() if not partitions]:
        raise Retry(f"there is no topic {' and no topic '.join(missing)}: make topics")
    if len(set(found.values())) > 1:
        raise Stop(f"partition counts differ: {found}; the history would be of other customers, see docs/operations.md")


def restore_histories(
    kafka: KafkaSettings, topic: str, partitions: Iterable[int], progress: Callable[[], None]
) -> Iterator[tuple[int, Restored]]:
    """Yield each partition and its history as the changelog tells it.

    Args:
        progress: called between reads; may raise to give up.

    Raises:
        Retry: the broker does not answer.
        Stop: the changelog is not one of this version.
    """
    started = time.monotonic()
    records = read_changelog(kafka, topic, partitions, progress)
    read, customers = {partition: len(found) for partition, found in records.items()}, 0
    for partition in read:
        restored = from_records(records.pop(partition))
        customers += len(restored.history)
        yield partition, restored
    seconds = time.monotonic() - started
    metrics.RESTORE_SECONDS.observe(seconds)
    log.info(
        "restored", partitions=sorted(read), customers=customers, records=sum(read.values()), seconds=round(seconds, 3)
    )


def read_changelog(
    kafka: KafkaSettings, topic: str, partitions: Iterable[int], progress: Callable[[], None]
) -> dict[int, list[tuple[bytes, bytes | None]]]:
    """Return (key, value) of all records of each partition, in the order of offsets.

    The end is the newest offset there is, committed or not: a transaction of the partition's last owner may be decided
    while its markers are still being written. Records are read committed, so reaching that end waits for them.

    Args:
        progress: called between reads; may raise to give up.

    Raises:
        Retry: the broker does not answer, or nothing comes for 20 s.
    """
    places = [TopicPartition(topic, partition, FIRST_OFFSET) for partition in partitions]
    records: dict[int, list[tuple[bytes, bytes | None]]] = {place.partition: [] for place in places}
    consumer = Consumer(
        kafka.client_config(
            group_id="fraud-restore",  # not used: partitions are assigned by hand and nothing is committed
            isolation_level="read_committed",
            enable_auto_commit=False,
            enable_partition_eof=True,
            auto_offset_reset="earliest",
            fetch_queue_backoff_ms=20,
            fetch_wait_max_ms=20,  # 500 by default: what the end of a partition would be waited for
        )
    )
    try:
        ends = _ends(kafka, topic, records)
        missing = {partition for partition, end in ends.items() if end > 0}
        consumer.assign([place for place in places if place.partition in missing])
        read_at = time.monotonic()
        while missing:
            progress()
            messages = consumer.consume(1, READ_WAIT_SECONDS)  # for more than one it would wait to the end
            if messages:
                messages += consumer.consume(READ_AT_ONCE - 1, 0)
                read_at = time.monotonic()
            elif time.monotonic() - read_at > STALLED_SECONDS:
                raise Retry(f"reading the history stalled in the partitions {sorted(missing)}")
            for message in messages:
                error, partition = message.error(), message.partition() or 0
                if error is None:
                    records[partition].append((message.key() or b"", message.value()))
                elif error.code() != KafkaError._PARTITION_EOF:
                    raise Retry(f"reading the history failed: {error.name()}")
                elif (message.offset() or 0) >= ends[partition]:
                    missing.discard(partition)
    except KafkaException as error:
        raise Retry(f"reading the history failed: {error.args[0].name()}") from error
    finally:
        close(consumer)
    return records


def _ends(kafka: KafkaSettings, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    admin = AdminClient(kafka.client_config())
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    ends = watermarks(admin, [(topic, partition) for partition in partitions], latest)
    return {partition: end for (_, partition), end in ends.items()}
