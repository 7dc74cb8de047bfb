"""Finds the range of `transactions` between two moments."""

from collections.abc import Mapping
from datetime import datetime

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from services.common.errors import Retry
from services.common.kafka.offsets import watermarks
from services.common.kafka.scan import Range, whole_topic
from services.common.settings import KafkaSettings


def find_ranges(kafka: KafkaSettings, topic: str, since: datetime | None, until: datetime | None) -> dict[int, Range]:
    """Return partition -> its offsets between two moments of the brokers' clock; None: all there is as of now.

    Raises:
        Retry: there is no such topic, or the broker does not answer.
    """
    whole = whole_topic(kafka, topic)
    firsts = _offsets_at(kafka, topic, whole, since) if since else {}
    ends = _offsets_at(kafka, topic, whole, until) if until else {}
    ranges = {}
    for partition, there in whole.items():
        first, end = firsts.get(partition, there.first), ends.get(partition, there.end)
        ranges[partition] = Range(first, max(first, end))
    return ranges


def _offsets_at(kafka: KafkaSettings, topic: str, whole: Mapping[int, Range], moment: datetime) -> dict[int, int]:
    """Return partition -> its first offset of a moment or later, its end if there is none."""
    admin, spec = AdminClient(kafka.client_config()), _at(moment)
    try:
        found = watermarks(admin, [(topic, partition) for partition in whole], spec)
    except KafkaException as error:
        raise Retry(f"cannot see the topic {topic}: {error.args[0].str()}") from error
    return {partition: whole[partition].end if offset < 0 else offset for (_, partition), offset in found.items()}


def _at(moment: datetime) -> OffsetSpec:
    """Return the first message of a moment; negative times would be names of offsets to Kafka (-1: the latest)."""
    spec: OffsetSpec = OffsetSpec.for_timestamp(max(0, int(moment.timestamp() * 1000)))
    return spec
