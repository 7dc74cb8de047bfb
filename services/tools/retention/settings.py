"""Settings of the retention job, from the environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import Settings

MOST_DAYS = 36_500
"""A hundred years: what a calendar can be asked for has an end."""


class RetentionSettings(Settings):
    """RETENTION_*."""

    model_config = SettingsConfigDict(env_prefix="RETENTION_", frozen=True, extra="ignore", env_ignore_empty=True)

    days: int = Field(
        0, ge=0, le=MOST_DAYS, description="rows older than this are deleted by the retention job; 0 = none ever"
    )
