"""Settings of the replays, from the environment. What is to be replayed is said on the command line."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import Settings


class DlqSettings(Settings):
    """DLQ_*."""

    model_config = SettingsConfigDict(env_prefix="DLQ_", frozen=True, extra="ignore", env_ignore_empty=True)

    transactional_id: str = Field("dlq-replay", min_length=1, description="of replays to Kafka: the same for all")
    max_attempts: int = Field(3, ge=1, description="a record that was rejected so often is not replayed again")
