"""Aligns the settings of existing topics with what the services require."""

from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from services.common.kafka.offsets import BROKER_TIMEOUT_SECONDS, answer_of
from services.common.logs import get_logger
from services.common.settings import TopicSettings
from services.topics.shape import Shape, shapes

log = get_logger()

Config = Mapping[str, ConfigEntry]


def describe(admin: AdminClient, names: Iterable[str]) -> dict[str, Config]:
    """Return topic -> setting -> its entry.

    Raises:
        KafkaException: a broker does not answer, or refuses.
    """
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    answers = admin.describe_configs(resources, request_timeout=BROKER_TIMEOUT_SECONDS)
    return {resource.name: answer_of(answer) for resource, answer in answers.items()}


def align(admin: AdminClient, topics: TopicSettings, names: Iterable[str]) -> None:
    """Align existing topics, and log what a person must do.

    1. required settings are set, whatever they were
    2. further settings are set where the topic has none of its own, as when the broker created it by itself; what a
       person has set stays
    3. partitions are only checked: adding some moves customers, see services.topics.change
    """
    for name in names:
        shape = shapes(topics)[name]
        try:
            _align_settings(admin, name, shape)
        except KafkaException as error:  # whoever may create topics may not be allowed to alter them
            log.warning("topic_not_aligned", topic=name, reason=error.args[0].str(), wanted=shape.required)
    try:
        _check_partitions(admin, topics)
    except KafkaException as error:
        log.warning("partitions_not_checked", reason=error.args[0].str())


def _align_settings(admin: AdminClient, name: str, shape: Shape) -> None:
    there = describe(admin, [name])[name]
    missing = {setting: value for setting, value in shape.config.items() if _is_missing(there[setting], value, shape)}
    if not missing:
        log.info("topic_exists", topic=name)
        return
    entries = [
        ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET) for setting, value in missing.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
    answer_of(admin.incremental_alter_configs([resource], request_timeout=BROKER_TIMEOUT_SECONDS)[resource])
    before = {setting: there[setting].value for setting in missing}
    log.warning("topic_aligned", topic=name, before=before, now=missing)


def _is_missing(entry: ConfigEntry, value: str, shape: Shape) -> bool:
    is_own = ConfigSource(entry.source) is ConfigSource.DYNAMIC_TOPIC_CONFIG  # a plain int, whatever it is declared as
    return entry.value != value and (entry.name in shape.required or not is_own)


def _check_partitions(admin: AdminClient, topics: TopicSettings) -> None:
    found = admin.list_topics(timeout=BROKER_TIMEOUT_SECONDS).topics
    counts = {name: len(found[name].partitions) for name in shapes(topics) if name in found}
    for name, count in counts.items():
        if count != (wanted := shapes(topics)[name].partitions):
            log.warning("partitions_differ", topic=name, partitions=count, wanted=wanted, fix="make topics ARGS=--grow")
    transactions, history = counts.get(topics.transactions), counts.get(topics.history)
    if None not in {transactions, history} and transactions != history:
        fix = "stop the scorers, then make topics ARGS=--grow"
        log.error("history_partitions_differ", transactions=transactions, history=history, fix=fix)
