"""Restores the histories of assigned partitions from their changelog."""

import time
from collections.abc import Callable, Iterable, Iterator

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from services.common.errors import Retry, Stop
from services.common.kafka.offsets import BROKER_TIMEOUT_SECONDS
from services.common.kafka.scan import RESTORE_GROUP, HeldBack, scan, whole_topic
from services.common.logs import get_logger
from services.common.settings import KafkaSettings, TopicSettings
from services.scorer import metrics
from services.scorer.history.changelog import Restored, from_records
from services.scorer.history.numbers import PastNumbers

STALLED_SECONDS = 20.0
"""How long nothing may come: longer than a Kafka transaction that nobody ends can hold its partition up."""

log = get_logger()


def check_copartitioned(kafka: KafkaSettings, topics: TopicSettings) -> None:
    """Check that changelog and transactions have as many partitions: a customer is in the same one of both.

    Raises:
        Stop: they differ; Retry: one of them does not exist (yet), or the broker does not answer.
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
    kafka: KafkaSettings, topic: str, numbers: PastNumbers, partitions: Iterable[int], progress: Callable[[], None]
) -> Iterator[tuple[int, Restored]]:
    """Yield each partition and its history, restored from the changelog.

    Args:
        numbers: which it must hold.
        progress: called between reads; may raise to give up.

    Raises:
        Retry: the broker does not answer.
        Stop: the changelog is of another contract or version.
    """
    started = time.monotonic()
    records = read_changelog(kafka, topic, partitions, progress)
    read, customers = {partition: len(found) for partition, found in records.items()}, 0
    for partition in read:
        restored = from_records(numbers, records.pop(partition))
        customers += len(restored.history)
        yield partition, restored
    seconds = time.monotonic() - started
    metrics.RESTORE_SECONDS.observe(seconds)
    log.info(
        "history_restored",
        partitions=sorted(read),
        customers=customers,
        records=sum(read.values()),
        seconds=round(seconds, 3),
    )


def read_changelog(
    kafka: KafkaSettings, topic: str, partitions: Iterable[int], progress: Callable[[], None]
) -> dict[int, list[tuple[bytes, bytes | None]]]:
    """Return (key, value) of all records of each partition, in the order of offsets.

    Args:
        progress: called between reads; may raise to give up.

    Raises:
        Retry: the broker does not answer, or nothing comes for 20 s; HeldBack if that is for an open Kafka transaction.
    """
    records: dict[int, list[tuple[bytes, bytes | None]]] = {partition: [] for partition in partitions}
    # A transaction of the partition's last owner may be decided while its markers are still being written. The ranges
    # end past it, and the scan reads committed records, so it waits for them.
    ranges = whole_topic(kafka, topic, records)
    try:
        for messages in scan(kafka, RESTORE_GROUP, topic, ranges, progress, STALLED_SECONDS):
            for message in messages:
                records[message.partition() or 0].append((message.key() or b"", message.value()))
    except HeldBack:
        metrics.UNSTABLE_OFFSETS.inc()
        raise
    return records
