"""Settings of the page, read from the environment at start.

The database is set by libpq's variables: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE.
"""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.common.errors import Stop
from services.common.manifest import CURVE_NAME, MANIFEST_NAME
from services.common.settings import ModelFolder, Settings
from ui.login.users import Role, User, hash_password, read_users

_ROOT_PATH = re.compile(r"(https?://[\w.-]+(:\d+)?)?(/[\w.~-]+)*/?", re.ASCII)


def _root_path(value: str) -> str:
    """Return a root path without a slash at its end."""
    if not _ROOT_PATH.fullmatch(value) or re.search(r"/\.+(/|$)", value):
        raise ValueError("a path such as /fraud, or the whole address such as https://fraud.example/fraud")
    return value.rstrip("/")


def _networks(value: str) -> str:
    """Return addresses and networks, separated by commas, unless one of them is neither."""
    for part in value.split(","):
        ipaddress.ip_network(part.strip())
    return value


class ShareSettings(Settings):
    """Whether to ask for a link that opens the page from the internet (Gradio's own variable)."""

    model_config = SettingsConfigDict(env_prefix="GRADIO_", frozen=True, extra="ignore", env_ignore_empty=True)

    share: bool = Field(False, description="request a public link from Gradio's service; a login is then required")


class UiSettings(Settings):
    """Where the page listens, what it accepts and who may open it."""

    model_config = SettingsConfigDict(env_prefix="UI_", frozen=True, extra="ignore", env_ignore_empty=True)

    host: str = Field("127.0.0.1", description="address the page listens on")
    port: int = Field(7860, ge=1, le=65535, description="port the page listens on")
    max_file_mb: int = Field(512, ge=1, le=10_000, description="largest CSV file accepted, in megabytes")
    users_file: Path | None = Field(None, description="file of users, one line of `python -m ui.login NAME` each")
    username: str | None = Field(None, description="login of a single analyst, instead of a users file")
    password: SecretStr | None = Field(None, description="password of that login; or its file, UI_PASSWORD_FILE")
    blind_sample_per_day: int = Field(
        0,
        ge=0,
        le=100_000,
        description="random transactions a day, not flagged, that enter the queue unmarked; 0: none",
    )
    session_hours: float = Field(12.0, gt=0, le=24 * 31, description="lifetime of a login, in hours")
    published_on: str | None = Field(None, description="address a container's port is published on; default: UI_HOST")
    root_path: Annotated[str, AfterValidator(_root_path)] = Field(
        "", description="path of the page behind a reverse proxy, such as /fraud, or its whole address with https://"
    )
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        "127.0.0.1,::1", description="addresses and networks of proxies whose X-Forwarded-For names the client"
    )
    probe_port: int = Field(
        9103, ge=0, le=65535, description="port of the probes and metrics, not the page's; 0: any free port"
    )
    manifest: Path = Field(
        default_factory=lambda: ModelFolder.read().scorer_model_dir / MANIFEST_NAME,
        description="manifest of the model, beside its contract; none = that of SCORER_MODEL_DIR",
    )

    @property
    def curve(self) -> Path:
        """The validation curve beside the manifest."""
        return self.manifest.with_name(CURVE_NAME)

    @property
    def has_login(self) -> bool:
        """Whether a login is required."""
        return self.users_file is not None or self.username is not None

    @property
    def reached_at(self) -> str:
        """The address at which others reach the page."""
        return self.published_on or self.host

    def users(self) -> dict[str, User]:
        """Return the users by name; empty if no login is required.

        Raises:
            Stop: the users file is invalid.
        """
        if self.users_file is not None:
            return read_users(self.users_file)
        if self.username is None or self.password is None:
            return {}
        return {self.username: User(self.username, Role.ANALYST, hash_password(self.password.get_secret_value()))}

    @classmethod
    def read(cls) -> Self:
        """Return the settings from the environment.

        Raises:
            Stop: an invalid value, half a login, or two logins.
        """
        settings = super().read()
        if (settings.username is None) != (settings.password is None):
            raise Stop("UI_USERNAME and UI_PASSWORD go together: set both or neither")
        if settings.username is not None and settings.users_file is not None:
            raise Stop("UI_USERS_FILE is set: unset UI_USERNAME and UI_PASSWORD")
        return settings


def check_exposure(share: ShareSettings, settings: UiSettings) -> None:
    """Raise Stop if the page could be opened from another machine without a login."""
    if settings.has_login:
        return
    remedy = "set UI_USERS_FILE (`python -m ui.login NAME` makes a line of it), or UI_USERNAME and UI_PASSWORD"
    if share.share:
        raise Stop(f"GRADIO_SHARE opens the page to the internet: {remedy}, or unset it")
    if not is_loopback(settings.reached_at):
        raise Stop(
            f"the page would be open to anyone who reaches {settings.reached_at}: {remedy}; "
            "for a container whose port is published on loopback only, set UI_PUBLISHED_ON=127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Return whether the host can only be reached from this machine; of names, only localhost is trusted."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_any(host: str) -> bool:
    """Return whether the host stands for every address of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
