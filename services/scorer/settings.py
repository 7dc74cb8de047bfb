"""Settings of the scorer, from the environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import SCORER_GROUP, GroupId, GroupSettings, ProbePort, project_root


class ScorerSettings(GroupSettings):
    """SCORER_*. Timeouts, from the shortest on: Kafka transaction < commit < session < watchdog < poll interval.

    The longest end of a batch, offsets and then commit, is shorter than the watchdog's limit.
    """

    model_config = SettingsConfigDict(env_prefix="SCORER_")

    group_id: GroupId = SCORER_GROUP
    probe_port: ProbePort = 9101
    model_dir: Path = Field(project_root() / "onnx", description="folder of manifest.json and the ONNX file")
    shadow_model_dir: Path | None = Field(
        None, description="folder of a second model that is only compared with the first; none = no shadow"
    )
    model_poll_ms: int = Field(3_000, ge=0, le=3_600_000, description="poll interval for new models; 0 = never")
    threads: int = Field(1, ge=1, le=256, description="threads of ONNX Runtime")

    @property
    def transaction_timeout_ms(self) -> int:
        """The broker aborts a Kafka transaction after this time; also the limit for sending the batch's offsets."""
        return self.session_timeout_ms * 2 // 3

    @property
    def commit_timeout_ms(self) -> int:
        """The limit for a commit: past the transaction's timeout the broker has ended it, one way or the other."""
        return self.session_timeout_ms * 4 // 5

    @property
    def watchdog_ms(self) -> int:
        """The watchdog ends the process after this long without progress; calls to a broker return within 10 s."""
        return max(25_000, self.session_timeout_ms * 5 // 3)

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
