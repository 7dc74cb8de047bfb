"""Changes existing topics while no scorer runs.

A customer is in the same partition of `transactions` and of the history, and moves when the number of partitions
changes. The history is deleted then: a customer's would be looked for in another partition.
"""

import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # re-exported unsaid

from services.common.errors import Stop
from services.common.kafka.offsets import BrokerQuery
from services.common.logs import get_logger
from services.common.settings import KafkaSettings, TopicSettings
from services.scorer.settings import ScorerSettings

MARGIN_SECONDS = 5.0
OPERATION_TIMEOUT_SECONDS = 30.0

log = get_logger()


def wait_until_scorers_left(kafka: KafkaSettings, scorers: ScorerSettings) -> None:
    """Wait until no scorer is in its group: a stopped one stays a member for its session timeout.

    Raises:
        Stop: one still runs, or the broker refuses.
    """
    query = BrokerQuery(kafka)
    deadline = time.monotonic() + scorers.session_timeout_ms / 1000 + MARGIN_SECONDS
    while members := _members(query, scorers.group_id):
        if time.monotonic() > deadline:
            raise Stop(f"{members} scorers are still in the group {scorers.group_id}: stop them first")
        log.info("scorers_awaited", group=scorers.group_id, members=members)
        time.sleep(2)


def grow_topics(admin: AdminClient, topics: TopicSettings) -> None:
    """Add partitions up to `topics.partitions`; the history is deleted if it has fewer. Safe to repeat.

    Raises:
        Stop: a topic has more partitions than wanted, or the broker refuses.
    """
    counts = _counts(admin, topics)
    if larger := {name: count for name, count in counts.items() if count > topics.partitions}:
        raise Stop(f"partitions cannot be removed: {larger}, wanted {topics.partitions}")
    for name, count in counts.items():
        if count < topics.partitions and name != topics.history:
            _add_partitions(admin, name, topics.partitions)
    if counts.get(topics.history, topics.partitions) < topics.partitions:
        delete_history(admin, topics)


def delete_history(admin: AdminClient, topics: TopicSettings) -> None:
    """Delete the history, if there is one, and wait until it is gone.

    Raises:
        Stop: the broker refuses.
    """
    if topics.history not in _counts(admin, topics):
        return
    try:
        admin.delete_topics([topics.history], operation_timeout=OPERATION_TIMEOUT_SECONDS)[topics.history].result()
    except KafkaException as error:
        raise Stop(f"cannot delete the topic {topics.history}: {error.args[0].str()}") from error
    deadline = time.monotonic() + OPERATION_TIMEOUT_SECONDS
    while topics.history in _counts(admin, topics):
        if time.monotonic() > deadline:
            raise Stop(f"the topic {topics.history} was deleted and is still there")
        time.sleep(0.2)
    log.warning("history_deleted", topic=topics.history)


def delete_offsets(admin: AdminClient, scorers: ScorerSettings) -> None:
    """Delete the scorers' committed offsets: they begin with the oldest message.

    Raises:
        Stop: the broker refuses.
    """
    try:
        admin.delete_consumer_groups([scorers.group_id])[scorers.group_id].result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
            raise Stop(f"cannot delete the group {scorers.group_id}: {error.args[0].str()}") from error
    log.warning("offsets_deleted", group=scorers.group_id)


def _counts(admin: AdminClient, topics: TopicSettings) -> dict[str, int]:
    """Return topic -> partitions, for those that exist."""
    try:
        found = admin.list_topics(timeout=OPERATION_TIMEOUT_SECONDS).topics
    except KafkaException as error:
        raise Stop(f"no Kafka broker answers: {error.args[0].str()}") from error
    ours = (topics.transactions, topics.scores, topics.alerts, topics.dead_letters, topics.history)
    return {name: len(found[name].partitions) for name in ours if name in found}


def _members(query: BrokerQuery, group: str) -> int:
    try:
        return query.members(group)
    except KafkaException as error:
        raise Stop(f"cannot see the group {group}: {error.args[0].str()}") from error


def _add_partitions(admin: AdminClient, topic: str, partitions: int) -> None:
    try:
        wanted = [NewPartitions(topic, partitions)]
        admin.create_partitions(wanted, operation_timeout=OPERATION_TIMEOUT_SECONDS)[topic].result()
    except KafkaException as error:
        raise Stop(f"cannot add partitions to {topic}: {error.args[0].str()}") from error
    log.info("partitions_added", topic=topic, partitions=partitions)
