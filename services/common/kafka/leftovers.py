"""Waits for the ends of Kafka transactions that were begun before.

Taking a transactional id ends what its predecessor left open. A lone broker that is killed meanwhile can lose the
markers of that end in some partitions, and says that all is well (docs/experiments.md). What the predecessor wrote in
these stays open until the next Kafka transaction of this id writes there too: its end then counts for both, and records
that were aborted are committed, or the other way round. So a producer waits until nothing is open any more.
"""

import time
from collections.abc import Callable, Collection

from confluent_kafka import IsolationLevel, KafkaException

from services.common.kafka.offsets import LATEST, BrokerQuery, Partition
from services.common.kafka.scan import HeldBack
from services.common.outages import is_outage
from services.common.settings import KafkaSettings

PATIENCE_SECONDS = 20.0
"""As long as a Kafka transaction of a dead process can stay open: 10 s, and 10 s until the broker looks for it."""

ANSWER_SECONDS = 5.0
LOOK_SECONDS = 0.05

Ends = dict[Partition, int]


def wait_for_ends(kafka: KafkaSettings, topics: Collection[str], wait: Callable[[], object]) -> None:
    """Return once all that is in the topics now belongs to Kafka transactions that have ended.

    Args:
        wait: called between looks; may raise to give up.

    Raises:
        HeldBack: a Kafka transaction has not ended within 20 s.
        KafkaException: the brokers do not answer for 20 s, or refuse.
    """
    query, deadline = BrokerQuery(kafka), time.monotonic() + PATIENCE_SECONDS
    ends: Ends = {}
    try:
        while True:
            try:
                ends = _still_open(query, ends or _ends(query, topics))
            except KafkaException as error:
                if not is_outage(error.args[0]) or time.monotonic() > deadline:
                    raise
            else:
                if not ends:
                    return
                if time.monotonic() > deadline:
                    raise HeldBack(f"a Kafka transaction has no end in {_named(ends)}; if this goes on: make doctor")
            wait()
            time.sleep(LOOK_SECONDS)
    finally:
        query.close()


def _ends(query: BrokerQuery, topics: Collection[str]) -> Ends:
    places = query.partitions(topics, ANSWER_SECONDS)
    return query.watermarks(places, LATEST, timeout_seconds=ANSWER_SECONDS)


def _still_open(query: BrokerQuery, ends: Ends) -> Ends:
    """Return those of the ends that their partition's last stable offset has not reached."""
    stable = query.watermarks(ends, LATEST, IsolationLevel.READ_COMMITTED, ANSWER_SECONDS)
    return {place: end for place, end in ends.items() if stable[place] < end}


def _named(ends: Ends) -> str:
    return ", ".join(f"{topic}/{partition}" for topic, partition in sorted(ends))
