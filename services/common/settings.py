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
from services.common.gone import refuse_gone_login, tell_gone

PREFIX = "KAFKA_CONF_"

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
    if forbidden := RESERVED_PROPERTIES & given.keys():
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


SCORER_GROUP, SINK_GROUP = "scorer", "sink"
"""Names of the consumer groups, unless SCORER_GROUP_ID and SINK_GROUP_ID say otherwise."""


class Settings(BaseSettings):
    """Base of all settings: frozen, typed, read once at start; all errors are told at once."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    @classmethod
    def read(cls) -> Self:
        """Return the settings of this process's environment.

        Raises:
            Stop: one line a wrong variable, with its name and what was expected.
        """
        tell_gone()
        try:
            return cls(**_secrets(cls))
        except ValidationError as error:
            prefix = cls.model_config.get("env_prefix") or ""
            lines = [
                f"{prefix}{'_'.join(map(str, wrong['loc']))}".upper() + f": {wrong['msg']}" for wrong in error.errors()
            ]
            raise Stop("wrong settings:\n  " + "\n  ".join(lines)) from None


class ProcessSettings(Settings):
    """What every process of the product has."""

    probe_host: str = Field("127.0.0.1", description="where /livez, /readyz and /metrics of each service answer")
    state_dir: Path = Field(
        default_factory=lambda: state_folder(project_root()),
        description="where scorer and sink keep locks and marks; none = this installation's in ~/.local/state",
    )


class KafkaSettings(Settings):
    """Where Kafka is. How to log in, and any other librdkafka property, is told by KAFKA_CONF_*: see passthrough.py."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True, extra="ignore", env_ignore_empty=True)

    bootstrap_servers: str = Field("localhost:19092", description="host:port of one or more brokers")

    @classmethod
    def read(cls) -> Self:
        """Return the settings of this process's environment.

        Raises:
            Stop: a wrong variable, or a property that librdkafka does not know.
        """
        settings = super().read()
        refuse_gone_login(os.environ)
        check_properties(passed_through(os.environ))
        return settings

    def client_config(self, **own: Any) -> dict[str, Any]:
        """Return a librdkafka configuration: the passed-through properties over `own` (underscores stand for dots).

        `own` holds a service's defaults and what its loop rests on; the latter cannot be passed through.
        """
        config = {name if name.endswith("_cb") else name.replace("_", "."): value for name, value in own.items()}
        base = {
            "bootstrap.servers": self.bootstrap_servers,
            "logger": logging.getLogger("librdkafka"),
            "reconnect.backoff.max.ms": 1_000,  # 10 s by default: what a broker that is back may be waited for
            # Producers and admin clients ask for it by default: a broker that creates topics by itself would make the
            # history with cleanup.policy=delete, and it would be lost after a week.
            "allow.auto.create.topics": False,
        }
        return base | config | passed_through(os.environ)


class TopicSettings(Settings):
    """Names and shape of the topics."""

    model_config = SettingsConfigDict(env_prefix="TOPIC_", frozen=True, extra="ignore", env_ignore_empty=True)

    transactions: str = Field("transactions", description="payments to score")
    scores: str = Field("scores", description="{transaction_id, score, fraud_flag}")
    alerts: str = Field("alerts", description="flagged payments with the reasons")
    dead_letters: str = Field("transactions.dlq", description="what could not be decoded, with the reason")
    history: str = Field("scorer.history", description="changelog of what the scorer remembers of customers")
    models: str = Field("scorer.models", description="which model scored from where on, and what a shadow model did")
    partitions: int = Field(6, ge=1, le=1000, description="partitions of each topic when it is made")
    replication_factor: int = Field(1, ge=1, le=7, description="copies of each partition when a topic is made")
    min_insync_replicas: int = Field(
        1, ge=1, le=7, description="copies that must have a record before it counts, when a topic is made"
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
    """Consumer groups of the scorers and the sinks, for who asks how far they are."""

    scorer_group_id: str = SCORER_GROUP
    sink_group_id: str = SINK_GROUP


class ModelFolder(Settings):
    """Where the scorers' model is, for who asks what it knows."""

    scorer_model_dir: Path = Field(default_factory=lambda: project_root() / "onnx")


def _secrets(settings: type[Settings]) -> dict[str, Any]:
    """Return the secrets of a class by field, wherever the environment has them: see secret_files.py."""
    prefix = settings.model_config.get("env_prefix") or ""
    fields = [name for name, field in settings.model_fields.items() if SecretStr in get_args(field.annotation)]
    held = {name: secret(f"{prefix}{name}".upper(), os.environ) for name in fields}
    return {name: value for name, value in held.items() if value}


def project_root() -> Path:
    """Return the folder that holds services/, onnx/ and db/."""
    return Path(__file__).resolve().parents[2]


SUFFIX = "_FILE"


def secret(name: str, environment: Mapping[str, str]) -> str | None:
    """Return the secret of a variable, or of the file that NAME_FILE names; None without both.

    The last line end of a file and a byte-order mark before it are no part of the secret.

    Raises:
        Stop: both are set, or the file cannot be read or is empty; tells the variable and the path, never the secret.
    """
    value, path = environment.get(name), environment.get(name + SUFFIX)
    if not path:
        return value or None
    if value:
        raise Stop(f"{name} and {name}{SUFFIX} are both set: leave one of them out")
    try:
        held = Path(path).read_text(encoding="utf-8-sig").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(f"{name}{SUFFIX}: {path} cannot be read: {type(error).__name__}") from None
    if not held:
        raise Stop(f"{name}{SUFFIX}: {path} is empty")
    return held


def database_login() -> dict[str, Any]:
    """Return what libpq does not read by itself, as arguments of psycopg.connect(): the password of PGPASSWORD_FILE.

    Raises:
        Stop: the file cannot be read.
    """
    held = secret("PGPASSWORD", os.environ) if os.environ.get("PGPASSWORD_FILE") else None
    return {"password": held} if held else {}
