"""Settings and passwords of the stack. Knows the variables, not what is started with them."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from services.common.settings import Settings, project_root

PASSWORD_NAMES = ("POSTGRES_PASSWORD", "FRAUD_SINK_PASSWORD", "FRAUD_UI_PASSWORD")


class StackSettings(Settings):
    """The stack's folder and loopback ports."""

    stack_home: Path = Field(
        default_factory=lambda: project_root() / ".stack", description="folder of all data of the stack"
    )
    kafka_port: int = Field(19092, ge=1, le=65535, description="port of the broker")
    kafka_heap: str = Field("768m", pattern=r"^\d+[mg]$", description="heap of the broker, as in java -Xmx")
    postgres_port: int = Field(15432, ge=1, le=65535, description="port of the database")
    ui_port: int = Field(7860, ge=1, le=65535, description="port of the page")
    scorer_probe_port: int = Field(9101, ge=1, le=65535, description="port of the scorer's probes and metrics")
    sink_probe_port: int = Field(9102, ge=1, le=65535, description="port of the sink's probes and metrics")
    ui_probe_port: int = Field(9103, ge=1, le=65535, description="port of the page's probes and metrics")

    @model_validator(mode="after")
    def _check_ports_differ(self) -> Self:
        if len(set(self.ports().values())) < len(self.ports()):
            raise ValueError(f"the ports must differ: {', '.join(f'{k}={v}' for k, v in self.ports().items())}")
        return self

    @property
    def home(self) -> Path:
        """The folder of all data, absolute."""
        return self.stack_home.absolute()

    @property
    def jars(self) -> Path:
        """The folder of Kafka's jars."""
        return self.home / "jars"

    def ports(self) -> dict[str, int]:
        """Return variable -> port for everything that listens."""
        names = ("kafka_port", "postgres_port", "ui_port", "scorer_probe_port", "sink_probe_port", "ui_probe_port")
        return {name.upper(): getattr(self, name) for name in names}

    def with_ports(self, ports: Mapping[str, int]) -> Self:
        """Return these settings with other ports, given as ports() gives them."""
        return self.model_copy(update={variable.lower(): port for variable, port in ports.items()})


def read_passwords(home: Path) -> dict[str, str]:
    """Return the passwords in `home/passwords`, created at random the first time; only the owner can read them."""
    path = home / "passwords"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{name}={secrets.token_urlsafe(24)}\n" for name in PASSWORD_NAMES)
        draft.replace(path)
    return dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines())
