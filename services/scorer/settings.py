"""Settings of the scorer, from the environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import SCORER_GROUP, Settings, project_root


class ScorerSettings(Settings):
    """SCORER_*. The timeouts follow from the session's: Kafka transaction < session < watchdog < time between polls.

    And an end of a batch that takes as long as it may (offsets, then commit) is shorter than the watchdog's limit.
    """

    model_config = SettingsConfigDict(env_prefix="SCORER_", frozen=True, extra="ignore", env_ignore_empty=True)

    group_id: str = Field(SCORER_GROUP, pattern=r"^[A-Za-z0-9._-]{1,100}$", description="consumer group of all scorers")
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
    probe_port: int = Field(9101, ge=0, le=65535, description="port of the probes; 0 takes a free one")
    session_timeout_ms: int = Field(
        15_000, ge=6_000, le=900_000,  # what brokers allow (group.min.session.timeout.ms), and transactions (15 min)
        description="the group gives a silent scorer's partitions away; its other timeouts follow from this one",
    )  # fmt: skip

    @property
    def transaction_timeout_ms(self) -> int:
        """The broker aborts a Kafka transaction after it; so long the batch's offsets may take."""
        return self.session_timeout_ms * 2 // 3

    @property
    def commit_timeout_ms(self) -> int:
        """So long a commit may take: past the transaction's timeout the broker has ended it, one way or the other."""
        return self.session_timeout_ms * 4 // 5

    @property
    def watchdog_ms(self) -> int:
        """A scorer that makes no progress for so long ends itself; calls to a broker return within 10 s."""
        return max(25_000, self.session_timeout_ms * 5 // 3)

    @property
    def max_poll_interval_ms(self) -> int:
        """The group's limit for one batch, and for restoring the history of new partitions."""
        return max(300_000, 2 * self.watchdog_ms)

    @property
    def timeouts_ms(self) -> dict[str, int]:
        """The timeouts by name, in their order, for the log."""
        return {
            "transaction": self.transaction_timeout_ms,
            "commit": self.commit_timeout_ms,
            "session": self.session_timeout_ms,
            "watchdog": self.watchdog_ms,
            "max_poll_interval": self.max_poll_interval_ms,
        }
