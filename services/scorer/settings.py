"""Settings of the scorer, from the environment."""

import tempfile
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import Settings, project_root


class ScorerSettings(Settings):
    """SCORER_*: the timeouts are ordered: Kafka transaction < session < watchdog < longest time between polls."""

    model_config = SettingsConfigDict(env_prefix="SCORER_", frozen=True, extra="ignore", env_ignore_empty=True)

    group_id: str = Field("scorer", pattern=r"^[A-Za-z0-9._-]{1,100}$", description="consumer group of all scorers")
    model_dir: Path = Field(project_root() / "onnx", description="folder of manifest.json and the ONNX file")
    shadow_model_dir: Path | None = Field(
        None, description="folder of a second model that is only compared with the first; none = no shadow"
    )
    model_poll_ms: int = Field(
        3_000, ge=0, le=3_600_000, description="so often the folders are looked at for another model; 0 = never"
    )
    threads: int = Field(1, ge=1, le=256, description="threads of ONNX Runtime")
    batch_max_messages: int = Field(10_000, ge=1, le=100_000, description="most messages in a Kafka transaction")
    reject_limit_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="alarm when more than this share of the last 10,000 messages is rejected; 0 = never",
    )
    reject_limit_in_a_row: int = Field(1_000, ge=0, description="alarm at so many rejects in a row; 0 = never")
    state_dir: Path = Field(Path(tempfile.gettempdir()) / "fraud-scorer", description="lock files of the slots")
    probe_host: str = Field("127.0.0.1", description="where /livez, /readyz and /metrics answer")
    probe_port: int = Field(9101, ge=0, le=65535, description="their port; 0 takes a free one")
    transaction_timeout_ms: int = Field(10_000, ge=1_000, description="the broker aborts a Kafka transaction after it")
    session_timeout_ms: int = Field(15_000, ge=6_000, description="the group gives a silent scorer's partitions away")
    watchdog_ms: int = Field(25_000, ge=5_000, description="a scorer that makes no progress for so long ends itself")
    max_poll_interval_ms: int = Field(
        300_000, ge=10_000, description="the group's limit for one batch, and for restoring the history"
    )
