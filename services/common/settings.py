"""Settings that several services read from the environment. Every variable is listed in .env.example."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.errors import Stop

KAFKA_CONF_PREFIX = "KAFKA_CONF_"

OWNED_BY_THE_LOOPS = frozenset(
    {"group.instance.id", "transactional.id", "isolation.level", "enable.auto.commit", "enable.auto.offset.store"}
)
"""librdkafka properties on which exactly-once rests: not to be set from outside."""


class Settings(BaseSettings):
    """Base of all settings: frozen, typed, read once at start; all errors are told at once."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    @classmethod
    def read(cls) -> Self:
        """Return the settings of this process's environment.

        Raises:
            Stop: one line a wrong variable, with its name and what was expected.
        """
        try:
            return cls()
        except ValidationError as error:
            prefix = cls.model_config.get("env_prefix") or ""
            lines = [
                f"{prefix}{'_'.join(map(str, wrong['loc']))}".upper() + f": {wrong['msg']}" for wrong in error.errors()
            ]
            raise Stop("wrong settings:\n  " + "\n  ".join(lines)) from None


class KafkaSettings(Settings):
    """Where Kafka is. Any further librdkafka property is passed through as KAFKA_CONF_<PROPERTY_WITH_UNDERSCORES>."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True, extra="ignore", env_ignore_empty=True)

    bootstrap_servers: str = Field("localhost:19092", description="host:port of one or more brokers")

    def client_config(self, **own: Any) -> dict[str, Any]:
        """Return a librdkafka configuration: the passed-through properties over `own` (underscores stand for dots).

        `own` holds a service's defaults and what its loop rests on; the latter cannot be passed through.
        """
        config = {name if name.endswith("_cb") else name.replace("_", "."): value for name, value in own.items()}
        base = {"bootstrap.servers": self.bootstrap_servers, "logger": logging.getLogger("librdkafka")}
        return base | config | passed_through(os.environ)


def passed_through(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the librdkafka properties given as KAFKA_CONF_*, e.g. KAFKA_CONF_SASL_MECHANISM = sasl.mechanism.

    Raises:
        Stop: a property is given on which exactly-once rests.
    """
    properties = {
        name.removeprefix(KAFKA_CONF_PREFIX).lower().replace("_", "."): value
        for name, value in environment.items()
        if name.startswith(KAFKA_CONF_PREFIX) and value
    }
    if forbidden := OWNED_BY_THE_LOOPS & properties.keys():
        raise Stop(f"not to be set from outside, exactly-once rests on them: {', '.join(sorted(forbidden))}")
    return properties


class TopicSettings(Settings):
    """Names and shape of the topics."""

    model_config = SettingsConfigDict(env_prefix="TOPIC_", frozen=True, extra="ignore", env_ignore_empty=True)

    transactions: str = Field("transactions", description="payments to score")
    scores: str = Field("scores", description="{transaction_id, score, fraud_flag}")
    alerts: str = Field("alerts", description="flagged payments with the reasons")
    dead_letters: str = Field("transactions.dlq", description="what could not be decoded, with the reason")
    history: str = Field("scorer.history", description="changelog of what the scorer remembers of customers")
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


def project_root() -> Path:
    """Return the folder that holds services/, onnx/ and db/."""
    return Path(__file__).resolve().parents[2]
