"""Settings that several services read from the environment. Every variable is listed in .env.example."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from confluent_kafka import KafkaException, Producer
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.errors import Stop
from services.common.folders import state_folder
from services.common.removed_settings import refuse_removed_login, warn_removed
from services.common.secret_files import SUFFIX, secret

PROPERTY_PREFIX = "KAFKA_CONF_"

RESERVED_PROPERTIES = frozenset(
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
"""Properties that exactly-once and the history rely on, or that have variables of their own."""

UNDERSCORED_PROPERTIES = {"log.level": "log_level"}
"""librdkafka's only property, of text or number, whose name has no dots."""


SCORER_GROUP, SINK_GROUP = "scorer", "sink"
"""Names of the consumer groups, unless SCORER_GROUP_ID and SINK_GROUP_ID say otherwise."""


class Settings(BaseSettings):
    """Base of all settings: frozen, typed, read once at start; all errors are reported at once."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    @classmethod
    def read(cls) -> Self:
        """Return the settings of this process's environment.

        Raises:
            Stop: one line a wrong variable, with its name and what was expected.
        """
        warn_removed()
        try:
            return cls(**_secrets(cls))
        except ValidationError as error:
            prefix = cls.model_config.get("env_prefix") or ""
            lines = [
                f"{prefix}{'_'.join(map(str, wrong['loc']))}".upper() + f": {wrong['msg']}" for wrong in error.errors()
            ]
            raise Stop("wrong settings:\n  " + "\n  ".join(lines)) from None


class ProcessSettings(Settings):
    """Settings of every process: probes and state."""

    probe_host: str = Field(
        "127.0.0.1", description="address on which each service serves /livez, /readyz and /metrics"
    )
    state_dir: Path = Field(
        default_factory=lambda: state_folder(project_root()),
        description="folder for the locks and marks of scorer and sink; none = this installation's in ~/.local/state",
    )


class KafkaSettings(Settings):
    """Where Kafka is. Login and all other librdkafka properties are set by KAFKA_CONF_*: see client_properties()."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True, extra="ignore", env_ignore_empty=True)

    bootstrap_servers: str = Field("localhost:19092", description="host:port of one or more brokers")

    @classmethod
    def read(cls) -> Self:
        """Return the settings of this process's environment.

        Raises:
            Stop: a wrong variable, or a property that librdkafka does not know.
        """
        settings = super().read()
        refuse_removed_login(os.environ)
        check_client_properties(client_properties(os.environ))
        return settings

    def client_config(self, **own: Any) -> dict[str, Any]:
        """Return a librdkafka configuration: those of KAFKA_CONF_* over `own` (underscores stand for dots).

        `own` holds a service's defaults, which KAFKA_CONF_* may override, and RESERVED_PROPERTIES, which it may not.
        """
        config = {name if name.endswith("_cb") else name.replace("_", "."): value for name, value in own.items()}
        base = {
            "bootstrap.servers": self.bootstrap_servers,
            "logger": logging.getLogger("librdkafka"),
            "reconnect.backoff.max.ms": 1_000,  # by default a broker that is back may be noticed after 10 s
            # On by default for producers and admin clients: a broker would create the history with
            # cleanup.policy=delete, and it would be lost after a week.
            "allow.auto.create.topics": False,
        }
        return base | config | client_properties(os.environ)


class TopicSettings(Settings):
    """Names and shape of the topics."""

    model_config = SettingsConfigDict(env_prefix="TOPIC_", frozen=True, extra="ignore", env_ignore_empty=True)

    transactions: str = Field("transactions", description="transactions to score")
    scores: str = Field("scores", description="{transaction_id, score, fraud_flag}")
    alerts: str = Field("alerts", description="flagged transactions with their reasons")
    dead_letters: str = Field("transactions.dlq", description="messages that could not be decoded, with the reason")
    history: str = Field("scorer.history", description="changelog of the customers' history")
    models: str = Field(
        "scorer.models", description="offsets from which each model scored, and results of shadow models"
    )
    partitions: int = Field(6, ge=1, le=1000, description="partitions of each topic when it is created")
    replication_factor: int = Field(1, ge=1, le=7, description="replicas of each partition when a topic is created")
    min_insync_replicas: int = Field(
        1,
        ge=1,
        le=7,
        description="replicas that must have a record before it is acknowledged, set when a topic is created",
    )

    @model_validator(mode="after")
    def _check_enough_copies(self) -> Self:
        if self.min_insync_replicas > self.replication_factor:
            raise ValueError(
                f"min_insync_replicas={self.min_insync_replicas} is more than"
                f" replication_factor={self.replication_factor}: nothing could ever be written"
            )
        return self


GroupId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$", description="consumer group, the same for all instances")
]
ProbePort = Annotated[int, Field(ge=0, le=65535, description="port of the probes and metrics; 0 = a free one")]


class GroupSettings(Settings):
    """Settings of a member of a consumer group. Its other timeouts follow from the session timeout."""

    group_id: GroupId
    batch_max_messages: int = Field(
        10_000, ge=1, le=100_000, description="most messages in a batch (one Kafka or database transaction)"
    )
    reject_limit_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="alarm when more than this share of the last 10,000 messages is rejected; 0 = never",
    )
    reject_limit_in_a_row: int = Field(1_000, ge=0, description="alarm at this many rejects in a row; 0 = never")
    probe_port: ProbePort
    session_timeout_ms: int = Field(
        15_000, ge=6_000, le=900_000,  # group.min.session.timeout.ms and transaction.max.timeout.ms of a broker
        description="without a heartbeat for this long an instance loses its partitions; other timeouts follow from it",
    )  # fmt: skip

    @property
    def watchdog_ms(self) -> int:
        """The watchdog ends the process after this long without progress."""
        raise NotImplementedError

    @property
    def max_poll_interval_ms(self) -> int:
        """The group's limit for the time between two polls: one batch, and the restore of new partitions."""
        return max(300_000, 2 * self.watchdog_ms)


class GroupNames(Settings):
    """Consumer groups of the scorers and the sinks, for whoever measures their lag."""

    scorer_group_id: str = SCORER_GROUP
    sink_group_id: str = SINK_GROUP


class ModelFolder(Settings):
    """Where the scorers' model is, for whoever needs its contract."""

    scorer_model_dir: Path = Field(default_factory=lambda: project_root() / "onnx")


def client_properties(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the librdkafka properties given as KAFKA_CONF_*, e.g. KAFKA_CONF_SASL_MECHANISM = sasl.mechanism.

    KAFKA_CONF_<PROPERTY>_FILE names a file with the value.

    Raises:
        Stop: a reserved property is set; a file cannot be read.
    """
    names = {
        name.removesuffix(SUFFIX) for name, value in environment.items() if name.startswith(PROPERTY_PREFIX) and value
    }
    given = {_property(name): value for name in sorted(names) if (value := secret(name, environment))}
    if forbidden := RESERVED_PROPERTIES & given.keys():
        raise Stop(f"not to be set by {PROPERTY_PREFIX}…, the services rely on them: {', '.join(sorted(forbidden))}")
    return given


def check_client_properties(properties: Mapping[str, object]) -> None:
    """Validate properties by librdkafka, without a broker.

    Raises:
        Stop: one is unknown or its value invalid, in librdkafka's words; these contain no value of a secret.
    """
    try:
        Producer({"log_level": 0} | dict(properties))
    except KafkaException as error:
        raise Stop(f"wrong Kafka settings: {error.args[0].str()}; see {PROPERTY_PREFIX}… in docs/settings.md") from None
    except (TypeError, ValueError) as error:
        raise Stop(f"wrong Kafka settings: {error}") from None


def _property(variable: str) -> str:
    name = variable.removeprefix(PROPERTY_PREFIX).lower().replace("_", ".")
    return UNDERSCORED_PROPERTIES.get(name, name)


def _secrets(settings: type[Settings]) -> dict[str, Any]:
    """Return the secrets of a class by field, from variables or from files that NAME_FILE names."""
    prefix = settings.model_config.get("env_prefix") or ""
    fields = [name for name, field in settings.model_fields.items() if SecretStr in get_args(field.annotation)]
    found = {name: secret(f"{prefix}{name}".upper(), os.environ) for name in fields}
    return {name: value for name, value in found.items() if value}


def project_root() -> Path:
    """Return the folder of services/, onnx/ and db/."""
    return Path(__file__).resolve().parents[2]
