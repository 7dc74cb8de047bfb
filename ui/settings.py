"""Settings of the page, read from the environment at start. Knows the variables, not what the page does with them.

The database is named by libpq's own variables: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE.
"""

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.common.errors import Stop
from services.common.settings import Settings, project_root
from ui.login.users import Role, User, hash_password, read_users


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
    users_file: Path | None = Field(None, description="who may open the page: lines of `python -m ui.login NAME`")
    username: str | None = Field(None, description="login of a single analyst, where there is no users file")
    password: SecretStr | None = Field(None, description="password of that login; or UI_PASSWORD_FILE, a file")
    session_hours: float = Field(12.0, gt=0, le=24 * 31, description="hours after which one has to log in again")
    published_on: str | None = Field(
        None, description="address at which a container's port is published; none = UI_HOST is what others reach"
    )
    probe_port: int = Field(
        9103, ge=0, le=65535, description="port of the probes, which is not the page's; 0: a free one"
    )
    manifest: Path = Field(
        default_factory=lambda: project_root() / "onnx" / "manifest.json",
        description="manifest of the model in use: its version and threshold are shown",
    )

    @property
    def curve(self) -> Path:
        """The file beside the manifest that tells what other thresholds would do."""
        return self.manifest.with_name("curve.json")

    @property
    def has_login(self) -> bool:
        """Whether the page asks for a login."""
        return self.users_file is not None or self.username is not None

    @property
    def reached_at(self) -> str:
        """The address at which others reach the page."""
        return self.published_on or self.host

    def users(self) -> dict[str, User]:
        """Return who may open the page, by name; nobody is named where no login is asked for.

        Raises:
            Stop: the users file is unfit.
        """
        if self.users_file is not None:
            return read_users(self.users_file)
        if self.username is None or self.password is None:
            return {}
        return {self.username: User(self.username, Role.ANALYST, hash_password(self.password.get_secret_value()))}

    @classmethod
    def read(cls) -> Self:
        """Return the settings of this process's environment.

        Raises:
            Stop: a wrong value, half a login, or two of them.
        """
        settings = super().read()
        if (settings.username is None) != (settings.password is None):
            raise Stop("UI_USERNAME and UI_PASSWORD go together: set both, or neither")
        if settings.username is not None and settings.users_file is not None:
            raise Stop("UI_USERS_FILE says who may open the page: unset UI_USERNAME and UI_PASSWORD")
        return settings


def check_exposure(share: ShareSettings, settings: UiSettings) -> None:
    """Raise Stop if others than this machine's users could open the page without a login."""
    if settings.has_login:
        return
    mend = "set UI_USERS_FILE (`python -m ui.login NAME` makes a line of it), or UI_USERNAME and UI_PASSWORD"
    if share.share:
        raise Stop(f"GRADIO_SHARE opens the page to the internet: {mend}, or unset it")
    if not is_loopback(settings.reached_at):
        raise Stop(
            f"the page would be open to whoever reaches {settings.reached_at}: {mend}; "
            "for a container whose port is published on loopback alone, say so by UI_PUBLISHED_ON=127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches what listens on the host; a name other than localhost is not trusted."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_any(host: str) -> bool:
    """Return whether what listens on the host listens on every address of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
