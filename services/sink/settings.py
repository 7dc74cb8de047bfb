"""Settings of the sink, from the environment. Where PostgreSQL is, libpq reads itself: PGHOST, PGPORT, PGUSER, …"""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import SINK_GROUP, Settings


class SinkSettings(Settings):
    """SINK_*. The timeouts follow from the session's: session < statement < watchdog < time between polls.

    The watchdog is fed at each statement, and two of them (the last and the commit) are shorter than its limit.
    """

    model_config = SettingsConfigDict(env_prefix="SINK_", frozen=True, extra="ignore", env_ignore_empty=True)

    group_id: str = Field(SINK_GROUP, pattern=r"^[A-Za-z0-9._-]{1,100}$", description="consumer group of all sinks")
    batch_max_messages: int = Field(10_000, ge=1, le=100_000, description="most messages in a database transaction")
    reject_limit_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="alarm when more than this share of the last 10,000 messages is rejected; 0 = never",
    )
    reject_limit_in_a_row: int = Field(1_000, ge=0, description="alarm at so many rejects in a row; 0 = never")
    probe_port: int = Field(9102, ge=0, le=65535, description="port of the probes; 0 takes a free one")
    session_timeout_ms: int = Field(
        15_000, ge=6_000, le=900_000,  # the least that brokers allow (group.min.session.timeout.ms)
        description="the group gives a silent sink's partitions away; its other timeouts follow from this one",
    )  # fmt: skip

    @property
    def statement_timeout_ms(self) -> int:
        """The database ends a statement after it."""
        return self.session_timeout_ms * 4 // 3

    @property
    def watchdog_ms(self) -> int:
        """A sink that makes no progress for so long ends itself; calls to a broker return within 10 s."""
        return max(45_000, self.session_timeout_ms * 3)

    @property
    def max_poll_interval_ms(self) -> int:
        """The group's limit for one batch."""
        return max(300_000, 2 * self.watchdog_ms)

    @property
    def timeouts_ms(self) -> dict[str, int]:
        """The timeouts by name, in their order, for the log."""
        return {
            "session": self.session_timeout_ms,
            "statement": self.statement_timeout_ms,
            "watchdog": self.watchdog_ms,
            "max_poll_interval": self.max_poll_interval_ms,
        }
