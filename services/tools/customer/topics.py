"""One customer in Kafka: the history's changelog, read and rewritten; and what the other topics still hold."""

from collections.abc import Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]  # re-exported

from services.common.errors import Retry
from services.common.kafka.transaction import TransactionalProducer
from services.common.settings import KafkaSettings
from services.scorer.history.changelog import Record
from services.scorer.history.restore import read_changelog
from services.tools.customer.changelog import Records

TIMEOUT_SECONDS = 10.0
PATIENCE_SECONDS = 60.0
TRANSACTION_TIMEOUT_MS = 60_000
TRANSACTIONAL_ID = "customer-erase"
"""The same for all: an erasure that was killed is aborted by the next one."""


def read_history(kafka: KafkaSettings, topic: str) -> dict[int, Records]:
    """Return partition -> the records of the history's changelog; none if there is no such topic.

    Raises:
        Retry: the broker does not answer.
    """
    try:
        found = AdminClient(kafka.client_config()).list_topics(timeout=TIMEOUT_SECONDS).topics
    except KafkaException as error:
        raise Retry(f"cannot see the topics: {error.args[0].name()}") from error
    if topic not in found:
        return {}
    return dict(read_changelog(kafka, topic, found[topic].partitions, lambda: None))


def write_history(kafka: KafkaSettings, topic: str, changes: Mapping[int, list[Record]]) -> None:
    """Write records to the partitions of the changelog, all of them or none, in one Kafka transaction.

    Raises:
        Retry: nothing was written; Stop: the broker refuses.
    """
    producer = TransactionalProducer(
        kafka,
        TRANSACTIONAL_ID,
        [topic],
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        commit_seconds=PATIENCE_SECONDS,
    )
    producer.open(patience_seconds=PATIENCE_SECONDS)
    with producer.transaction("writing the history"):
        for partition, records in changes.items():
            producer.send_batch(topic, records, partition)


def retention_days(kafka: KafkaSettings, topics: list[str]) -> dict[str, float | None]:
    """Return topic -> for how many days it keeps a record, None for ever; topics that are not there are left out.

    Raises:
        Retry: the broker does not answer.
    """
    admin = AdminClient(kafka.client_config())
    try:
        there = admin.list_topics(timeout=TIMEOUT_SECONDS).topics
        asked = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics if topic in there]
        if not asked:
            return {}
        answers = admin.describe_configs(asked, request_timeout=TIMEOUT_SECONDS)
        retention = {resource.name: int(answer.result()["retention.ms"].value) for resource, answer in answers.items()}
    except KafkaException as error:
        raise Retry(f"cannot see the retention of topics: {error.args[0].name()}") from error
    return {topic: None if milliseconds < 0 else milliseconds / 86_400_000 for topic, milliseconds in retention.items()}
