"""Settings of the sink, from the environment. Where PostgreSQL is, libpq reads itself: PGHOST, PGPORT, PGUSER, …"""

import tempfile
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import Settings


class SinkSettings(Settings):
    """SINK_*."""

    model_config = SettingsConfigDict(env_prefix="SINK_", frozen=True, extra="ignore", env_ignore_empty=True)

    group_id: str = Field("sink", pattern=r"^[A-Za-z0-9._-]{1,100}$", description="consumer group of all sinks")
    batch_max_messages: int = Field(10_000, ge=1, le=100_000, description="most messages in a database transaction")
    reject_limit_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="alarm when more than this share of the last 10,000 messages is rejected; 0 = never",
    )
    reject_limit_in_a_row: int = Field(1_000, ge=0, description="alarm at so many rejects in a row; 0 = never")
    state_dir: Path = Field(Path(tempfile.gettempdir()) / "fraud-sink", description="lock files of the slots")
    probe_host: str = Field("127.0.0.1", description="where /livez, /readyz and /metrics answer")
    probe_port: int = Field(9102, ge=0, le=65535, description="their port; 0 takes a free one")
    session_timeout_ms: int = Field(15_000, ge=6_000, description="the group gives a silent sink's partitions away")
    statement_timeout_ms: int = Field(20_000, ge=1_000, description="the database ends a statement after it")
    watchdog_ms: int = Field(45_000, ge=5_000, description="a sink that makes no progress for so long ends itself")
    max_poll_interval_ms: int = Field(60_000, ge=10_000, description="the group's limit for one batch")
