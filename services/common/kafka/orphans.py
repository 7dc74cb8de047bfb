"""Detects partitions that nobody in a consumer group owns.

A cooperative rebalance has two steps (KIP-429): the first revokes partitions, and when their owners join again the
second assigns them. A static member (KIP-345) that is recreated between the two gets its old assignment back without
a rebalance, and nobody is left to trigger the second step: what was revoked is orphaned until the group changes for
another reason. So each new member watches until it has seen all partitions owned.
"""

import time
from concurrent.futures import Future

from confluent_kafka import ConsumerGroupState, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, TopicDescription  # type: ignore[attr-defined]  # re-exported silently

from services.common.kafka.offsets import BrokerQuery, answer_of, describe_group
from services.common.outages import log_refusal

ANSWER_SECONDS = 5.0
REQUEST_SECONDS = 1.0
PATIENCE_SECONDS = 5.0


class OrphanMonitor:
    """Asks every second, without waiting for the answer, until every partition of the topics has an owner."""

    def __init__(self, query: BrokerQuery, group_id: str, topics: list[str]) -> None:
        self._query = query
        self._group_id = group_id
        self._topics = topics
        self._request: _Request | None = None
        self._requested_at = time.monotonic()
        self._orphaned_since: float | None = None
        self._patience = PATIENCE_SECONDS
        self._over = False

    def should_rejoin(self) -> bool:
        """Return whether partitions have been orphaned for 5 s, though the group is stable.

        The second time for 10 s, then for 20 s: the member that is to release them may be busy.
        """
        now = time.monotonic()
        if self._request is None:
            if not self._over and now - self._requested_at >= REQUEST_SECONDS:
                self._request, self._requested_at = self._query.ask(self._ask), now
            return False
        if not self._request.answered:
            if now - self._requested_at >= ANSWER_SECONDS:
                self.close()
            return False
        orphans, self._request = self._request.orphans(), None
        self._over = orphans == 0
        if not orphans:
            self._orphaned_since = None
            return False
        if self._orphaned_since is None:
            self._orphaned_since = now
        if now - self._orphaned_since < self._patience:
            return False
        self._orphaned_since, self._patience = None, 2 * self._patience
        return True

    def close(self) -> None:
        """Give up the request that is under way, and with it the query's clients: one would wait for the answer."""
        self._request = None
        self._query.close()

    def _ask(self, admin: AdminClient) -> "_Request":
        return _Request(admin, self._group_id, self._topics)


class _Request:
    """One request to the brokers, under way."""

    def __init__(self, admin: AdminClient, group_id: str, topics: list[str]) -> None:
        self._admin = admin  # its futures end with it
        self._group = describe_group(admin, group_id)
        described = admin.describe_topics(TopicCollection(topics), request_timeout=ANSWER_SECONDS)
        self._topics: list[Future[TopicDescription]] = [*described.values()]

    @property
    def answered(self) -> bool:
        """Whether the answer is there."""
        return self._group.done() and all(future.done() for future in self._topics)

    def orphans(self) -> int | None:
        """Return how many partitions nobody owns; None if the group is not stable, or the brokers do not say."""
        try:
            group, topics = answer_of(self._group), [answer_of(future) for future in self._topics]
        except KafkaException as error:
            log_refusal("orphans_unknown", error.args[0])
            return None
        if group.state != ConsumerGroupState.STABLE:
            return None
        owned = {
            (owned.topic, owned.partition) for member in group.members for owned in member.assignment.topic_partitions
        }
        return len({(topic.name, partition.id) for topic in topics for partition in topic.partitions} - owned)
