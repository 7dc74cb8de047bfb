"""Settings that several services read from the environment. Every variable is listed in .env.example."""

import logging
import os
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.errors import Stop
from services.common.passthrough import check_properties, passed_through
from services.common.secret_files import secret


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
            return cls(**_secrets(cls))
        except ValidationError as error:
            prefix = cls.model_config.get("env_prefix") or ""
            lines = [
                f"{prefix}{'_'.join(map(str, wrong['loc']))}".upper() + f": {wrong['msg']}" for wrong in error.errors()
            ]
            raise Stop("wrong settings:\n  " + "\n  ".join(lines)) from None


class KafkaSettings(Settings):
    """Where Kafka is and how to log in. Any further librdkafka property comes by KAFKA_CONF_*: see passthrough.py."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True, extra="ignore", env_ignore_empty=True)

    bootstrap_servers: str = Field("localhost:19092", description="host:port of one or more brokers")
    security_protocol: str | None = Field(None, description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
    sasl_mechanism: str | None = Field(None, description="e.g. SCRAM-SHA-512")
    sasl_username: str | None = Field(None, description="principal of the service")
    sasl_password: SecretStr | None = Field(None, description="its password; or KAFKA_SASL_PASSWORD_FILE, a file")
    ssl_ca_location: Path | None = Field(None, description="certificate of who signs the brokers', PEM")

    @classmethod
    def read(cls) -> Self:
        """Return the settings of this process's environment.

        Raises:
            Stop: a wrong variable, or a property that librdkafka does not know.
        """
        settings = super().read()
        check_properties(settings.login() | passed_through(os.environ))
        return settings

    def login(self) -> dict[str, str]:
        """Return the librdkafka properties of the login and of TLS, as far as they are given."""
        given = {
            "security.protocol": self.security_protocol,
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.sasl_username,
            "sasl.password": self.sasl_password and self.sasl_password.get_secret_value(),
            "ssl.ca.location": self.ssl_ca_location and str(self.ssl_ca_location),
        }
        return {name: value for name, value in given.items() if value}

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
        return base | config | self.login() | passed_through(os.environ)


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


def _secrets(settings: type[Settings]) -> dict[str, Any]:
    """Return the secrets of a class by field, wherever the environment has them: see secret_files.py."""
    prefix = settings.model_config.get("env_prefix") or ""
    fields = [name for name, field in settings.model_fields.items() if SecretStr in get_args(field.annotation)]
    held = {name: secret(f"{prefix}{name}".upper(), os.environ) for name in fields}
    return {name: value for name, value in held.items() if value}


def project_root() -> Path:
    """Return the folder that holds services/, onnx/ and db/."""
    return Path(__file__).resolve().parents[2]
