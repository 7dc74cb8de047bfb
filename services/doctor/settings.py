"""Settings of the doctor, from the environment; it reads those of the other services too."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import Settings


class DoctorSettings(Settings):
    """DOCTOR_*: where the services answer, and what counts as much."""

    model_config = SettingsConfigDict(env_prefix="DOCTOR_", frozen=True, extra="ignore", env_ignore_empty=True)

    scorer_url: str = Field("http://127.0.0.1:9101", description="where the scorer's probes answer")
    sink_url: str = Field("http://127.0.0.1:9102", description="where the sink's probes answer")
    page_url: str = Field("http://127.0.0.1:7860", description="where the page answers")
    lag_messages: int = Field(100_000, ge=0, description="more messages behind than this are too many")
    disk_gb: float = Field(5.0, ge=0, description="less free disk than this is little; a fifth of it is too little")
