"""The ACLs of each principal in Kafka."""

from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from services.common.errors import Stop
from services.common.kafka.dead_letters import REPLAYS
from services.common.kafka.scan import DLQ_GROUP, RESTORE_GROUP
from services.common.settings import GroupNames, TopicSettings

TOPIC, GROUP, TRANSACTIONAL_ID = ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID
READ, WRITE, DESCRIBE = AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE


@dataclass(frozen=True, slots=True)
class Right:
    """Allows a principal an operation on a resource; with `prefix` on all whose names begin so.

    READ and WRITE include DESCRIBE. Using a transactional id is a WRITE.
    """

    principal: str
    kind: ResourceType
    name: str
    operation: AclOperation
    prefix: bool = False


def rights(topics: TopicSettings, groups: GroupNames) -> Iterator[Right]:
    """Yield the rights of User:scorer, User:sink, User:page, User:dlq (replays) and User:producer (other senders)."""
    yield Right("User:scorer", TOPIC, topics.transactions, READ)
    for topic in (topics.scores, topics.alerts, topics.models, topics.dead_letters, topics.history):
        yield Right("User:scorer", TOPIC, topic, WRITE)
    yield Right("User:scorer", TOPIC, topics.history, READ)
    yield Right("User:scorer", GROUP, groups.scorer_group_id, READ)
    yield Right("User:scorer", GROUP, RESTORE_GROUP, DESCRIBE)
    yield Right("User:scorer", TRANSACTIONAL_ID, f"{groups.scorer_group_id}-", WRITE, prefix=True)

    for topic in (topics.transactions, topics.scores, topics.alerts, topics.models):
        yield Right("User:sink", TOPIC, topic, READ)
    yield Right("User:sink", GROUP, groups.sink_group_id, READ)

    yield Right("User:page", TOPIC, topics.transactions, WRITE)
    yield Right("User:page", TOPIC, topics.scores, DESCRIBE)
    for group in (groups.scorer_group_id, groups.sink_group_id):
        yield Right("User:page", GROUP, group, DESCRIBE)

    yield Right("User:dlq", TOPIC, topics.dead_letters, READ)
    for topic in (topics.dead_letters, topics.transactions):
        yield Right("User:dlq", TOPIC, topic, WRITE)
    yield Right("User:dlq", GROUP, DLQ_GROUP, DESCRIBE)
    yield Right("User:dlq", TRANSACTIONAL_ID, REPLAYS, WRITE)

    yield Right("User:producer", TOPIC, topics.transactions, WRITE)


def grant(admin: AdminClient, topics: TopicSettings, groups: GroupNames) -> int:
    """Grant each principal its rights, and return how many there are. Other rights stay.

    Raises:
        Stop: the broker has no authorizer, or refuses.
    """
    bindings = [_binding(right) for right in rights(topics, groups)]
    for binding, future in admin.create_acls(bindings).items():
        try:
            future.result()
        except KafkaException as error:
            raise Stop(f"cannot grant {binding.principal} a right: {error.args[0].str()}") from error
    return len(bindings)


def _binding(right: Right) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if right.prefix else ResourcePatternType.LITERAL
    return AclBinding(right.kind, right.name, pattern, right.principal, "*", right.operation, AclPermissionType.ALLOW)
