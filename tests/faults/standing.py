"""How far the scorers' group and the database have come, and what lies before them."""

from collections.abc import Iterable, Mapping
from functools import cache

from confluent_kafka import OFFSET_INVALID

from services.common.kafka.offsets import BrokerQuery
from services.common.settings import KafkaSettings
from tests.faults.audit import Connection


def not_read(bootstrap: str, group: str, topic: str, ends: Mapping[int, int]) -> dict[int, int]:
    """Return partition -> messages up to its end that a group has not committed; none where it is through."""
    stands = committed_offsets(bootstrap, group, topic, ends)
    return {partition: end - stands[partition] for partition, end in ends.items() if stands[partition] < end}


def not_kept(mart: Connection, ends: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    """Return (topic, partition) -> messages up to its end that the database does not hold; none where it has all."""
    rows = mart.execute("select topic, partition, next_offset from sink_offsets").fetchall()
    stands = {(topic, partition): offset for topic, partition, offset in rows}
    return {place: end - stands.get(place, 0) for place, end in ends.items() if stands.get(place, 0) < end}


def committed_offsets(bootstrap: str, group: str, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """Return partition -> offset a group has committed; negative where it has none."""
    places = [(topic, partition) for partition in partitions]
    stands = _query(bootstrap).committed(group, places)
    return {partition: stands.get((topic, partition), OFFSET_INVALID) for _, partition in places}


@cache
def _query(bootstrap: str) -> BrokerQuery:
    return BrokerQuery(KafkaSettings(bootstrap_servers=bootstrap))
