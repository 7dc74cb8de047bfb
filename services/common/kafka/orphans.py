"""Sees partitions that nobody in a consumer group owns. Knows nothing of what a member does about it.

A cooperative rebalance has two steps (KIP-429): the first one tells members what to give up, and when these join again
the second one hands it out. A static member (KIP-345) that is made anew between the two is given its old place without
any rebalance, and nobody is left who would bring about the second step: what was given up belongs to nobody until the
group changes for another reason. So each new member looks until it has seen all partitions owned.
"""

import time
from concurrent.futures import Future

from confluent_kafka import ConsumerGroupState, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    ConsumerGroupDescription,
    TopicDescription,
)

from services.common.kafka.offsets import answer_of
from services.common.outages import log_refusal

ANSWER_SECONDS = 5.0
LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 5.0


class OrphanMonitor:
    """Looks every second, without waiting for the answer, until every partition of the topics has an owner."""

    def __init__(self, group_id: str, topics: list[str]) -> None:
        self._group_id = group_id
        self._topics = topics
        self._look: _Look | None = None
        self._looked_at = time.monotonic()
        self._unowned_since: float | None = None
        self._patience = PATIENCE_SECONDS
        self._over = False

    def should_rejoin(self, admin: AdminClient) -> bool:
        """Return whether partitions have been without an owner for 5 s, though the group is stable.

        The second time that is so it must be for 10 s, then for 20 s: the one who is to give them up may be busy.

        Args:
            admin: is asked if it is time to.
        """
        now = time.monotonic()
        if self._look is None:
            if not self._over and now - self._looked_at >= LOOK_SECONDS:
                self._look, self._looked_at = _Look(admin, self._group_id, self._topics), now
            return False
        if not self._look.answered:
            return False
        unowned, self._look = self._look.unowned(), None
        self._over = unowned == 0
        if not unowned:
            self._unowned_since = None
            return False
        if self._unowned_since is None:
            self._unowned_since = now
        if now - self._unowned_since < self._patience:
            return False
        self._unowned_since, self._patience = None, 2 * self._patience
        return True


class _Look:
    """One question to the brokers."""

    def __init__(self, admin: AdminClient, group_id: str, topics: list[str]) -> None:
        self._admin = admin  # without it there is no answer
        groups = admin.describe_consumer_groups([group_id], request_timeout=ANSWER_SECONDS)
        self._group: Future[ConsumerGroupDescription] = groups[group_id]
        described = admin.describe_topics(TopicCollection(topics), request_timeout=ANSWER_SECONDS)
        self._topics: list[Future[TopicDescription]] = [*described.values()]

    @property
    def answered(self) -> bool:
        """Whether the answer is there."""
        return self._group.done() and all(future.done() for future in self._topics)

    def unowned(self) -> int | None:
        """Return how many partitions nobody owns; None if the group is not stable, or nobody can tell."""
        try:
            group, topics = answer_of(self._group), [answer_of(future) for future in self._topics]
        except KafkaException as error:
            log_refusal("unowned_unknown", error.args[0])
            return None
        if group.state != ConsumerGroupState.STABLE:
            return None
        owned = {
            (place.topic, place.partition) for member in group.members for place in member.assignment.topic_partitions
        }
        return len({(topic.name, place.id) for topic in topics for place in topic.partitions} - owned)
