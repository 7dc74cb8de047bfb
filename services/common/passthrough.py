"""librdkafka's properties from the environment: KAFKA_CONF_<PROPERTY_WITH_UNDERSCORES>. Knows no service."""

from collections.abc import Mapping

from confluent_kafka import KafkaException, Producer

from services.common.errors import Stop
from services.common.secret_files import SUFFIX, secret

PREFIX = "KAFKA_CONF_"

OWNED_BY_THE_LOOPS = frozenset(
    {
        "acks",
        "allow.auto.create.topics",
        "auto.offset.reset",
        "bootstrap.servers",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.gapless.guarantee",
        "enable.idempotence",
        "enable.partition.eof",
        "group.id",
        "group.instance.id",
        "heartbeat.interval.ms",
        "isolation.level",
        "max.poll.interval.ms",
        "metadata.broker.list",
        "partition.assignment.strategy",
        "partitioner",
        "request.required.acks",
        "session.timeout.ms",
        "transaction.timeout.ms",
        "transactional.id",
    }
)
"""Properties on which exactly-once and the history rest, or that have variables of their own."""

WITH_UNDERSCORES = {"log.level": "log_level"}
"""librdkafka's only property of text or number whose name has no dots."""


def passed_through(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the librdkafka properties given as KAFKA_CONF_*, e.g. KAFKA_CONF_SASL_MECHANISM = sasl.mechanism.

    KAFKA_CONF_<PROPERTY>_FILE names a file that holds the value.

    Raises:
        Stop: a property is given that is the loops' own; a file cannot be read.
    """
    names = {name.removesuffix(SUFFIX) for name, value in environment.items() if name.startswith(PREFIX) and value}
    given = {_property(name): value for name in sorted(names) if (value := secret(name, environment))}
    if forbidden := OWNED_BY_THE_LOOPS & given.keys():
        raise Stop(f"not to be set by {PREFIX}…, the services rest on them: {', '.join(sorted(forbidden))}")
    return given


def check_properties(properties: Mapping[str, object]) -> None:
    """Let librdkafka look at properties, without a broker.

    Raises:
        Stop: one is unknown or its value unfit, in librdkafka's words; these tell no value of a secret.
    """
    try:
        Producer({"log_level": 0} | dict(properties))
    except KafkaException as error:
        raise Stop(f"wrong Kafka settings: {error.args[0].str()}; see {PREFIX}… in docs/settings.md") from None
    except (TypeError, ValueError) as error:
        raise Stop(f"wrong Kafka settings: {error}") from None


def _property(variable: str) -> str:
    name = variable.removeprefix(PREFIX).lower().replace("_", ".")
    return WITH_UNDERSCORES.get(name, name)
