"""Settings of the sink, from the environment. libpq itself reads where PostgreSQL is: PGHOST, PGPORT, PGUSER, …"""

from pydantic_settings import SettingsConfigDict

from services.common.settings import SINK_GROUP, GroupId, GroupSettings, ProbePort


class SinkSettings(GroupSettings):
    """SINK_*. Timeouts, from the shortest on: session < statement < watchdog < poll interval.

    The watchdog is fed at each statement, and two of them (the last and the commit) are shorter than its limit.
    """

    model_config = SettingsConfigDict(env_prefix="SINK_")

    group_id: GroupId = SINK_GROUP
    probe_port: ProbePort = 9102

    @property
    def statement_timeout_ms(self) -> int:
        """The database cancels a statement after this time."""
        return self.session_timeout_ms * 4 // 3

    @property
    def watchdog_ms(self) -> int:
        """The watchdog ends the process after this long without progress; calls to a broker return within 10 s."""
        return max(45_000, self.session_timeout_ms * 3)

    @property
    def timeouts_ms(self) -> dict[str, int]:
        """The timeouts by name, in their order, for the log."""
        return {
            "session": self.session_timeout_ms,
            "statement": self.statement_timeout_ms,
            "watchdog": self.watchdog_ms,
            "max_poll_interval": self.max_poll_interval_ms,
        }
