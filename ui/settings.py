"""Settings of the page, read from the environment at start. Knows the variables, not what the page does with them.

The database is named by libpq's own variables: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE.
"""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.common.errors import Stop
from services.common.settings import Settings, project_root


class ShareSettings(Settings):
    """Whether to ask for a link that opens the page from the internet (Gradio's own variable)."""

    model_config = SettingsConfigDict(env_prefix="GRADIO_", frozen=True, extra="ignore", env_ignore_empty=True)

    share: bool = Field(False, description="ask for a public link; a login is then required")


class UiSettings(Settings):
    """Where the page listens, what it accepts and who may open it."""

    model_config = SettingsConfigDict(env_prefix="UI_", frozen=True, extra="ignore", env_ignore_empty=True)

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(7860, ge=1, le=65535, description="port to listen on")
    max_file_mb: int = Field(512, ge=1, le=10_000, description="largest CSV file accepted, in megabytes")
    username: str | None = Field(None, description="login of the page; none = no login")
    password: SecretStr | None = Field(None, description="password of the page's login")
    manifest: Path = Field(
        default_factory=lambda: project_root() / "onnx" / "manifest.json",
        description="manifest of the model in use: its version and threshold are shown",
    )

    @property
    def login(self) -> tuple[str, str] | None:
        """The user name and password that open the page, or None if it is open to all who reach it."""
        return (self.username, self.password.get_secret_value()) if self.username and self.password else None

    @classmethod
    def read(cls) -> Self:
        """Return the settings of this process's environment.

        Raises:
            Stop: a wrong value, or half a login.
        """
        settings = super().read()
        if (settings.username is None) != (settings.password is None):
            raise Stop("UI_USERNAME and UI_PASSWORD go together: set both, or neither")
        return settings


def check_sharing(share: ShareSettings, settings: UiSettings) -> None:
    """Raise Stop if the page would be opened to the internet without a login."""
    if share.share and settings.login is None:
        raise Stop("GRADIO_SHARE opens the page to the internet: set UI_USERNAME and UI_PASSWORD, or unset it")
