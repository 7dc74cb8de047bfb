"""The page's settings."""

from pathlib import Path

import pytest

from services.common.errors import Stop
from services.common.settings import project_root
from ui.login.users import Role, is_password
from ui.settings import ShareSettings, UiSettings, check_exposure, is_loopback


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "UI_HOST", "UI_PORT", "UI_MAX_FILE_MB", "UI_USERNAME", "UI_PASSWORD", "UI_USERS_FILE", "UI_PUBLISHED_ON",
        "UI_SESSION_HOURS", "UI_MANIFEST", "GRADIO_SHARE", "SCORER_MODEL_DIR",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


def test_the_page_listens_on_loopback_by_default() -> None:
    """Nobody else can open a page that was started without settings."""
    settings = UiSettings.read()
    assert (settings.host, settings.port, settings.max_file_mb, settings.users()) == ("127.0.0.1", 7860, 512, {})
    assert settings.manifest.parts[-2:] == ("onnx", "manifest.json")
    assert settings.curve.parts[-2:] == ("onnx", "curve.json")
    check_exposure(ShareSettings.read(), settings)


def test_the_page_follows_the_scorers_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable names the folder for scorer, sink and page; the page's own names another manifest."""
    monkeypatch.setenv("SCORER_MODEL_DIR", "models/live")
    assert UiSettings.read().manifest == Path("models/live/manifest.json")
    monkeypatch.setenv("UI_MANIFEST", "/elsewhere/manifest.json")
    assert UiSettings.read().manifest == Path("/elsewhere/manifest.json")


@pytest.mark.parametrize("half", ["UI_USERNAME", "UI_PASSWORD"])
def test_half_a_login_is_refused(monkeypatch: pytest.MonkeyPatch, half: str) -> None:
    """A login that would silently not be asked for is worse than none."""
    monkeypatch.setenv(half, "x")
    with pytest.raises(Stop, match="UI_USERNAME and UI_PASSWORD"):
        UiSettings.read()


@pytest.mark.parametrize("value", ["1", "true", "True"])
def test_sharing_without_a_login_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Transactions are not opened to the internet."""
    monkeypatch.setenv("GRADIO_SHARE", value)
    with pytest.raises(Stop, match="UI_USERNAME and UI_PASSWORD"):
        check_exposure(ShareSettings.read(), UiSettings.read())


def test_sharing_with_a_login_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The login is what a link needs."""
    for name, value in (("GRADIO_SHARE", "1"), ("UI_USERNAME", "ada"), ("UI_PASSWORD", "secret")):
        monkeypatch.setenv(name, value)
    settings = UiSettings.read()
    check_exposure(ShareSettings.read(), settings)
    (user,) = settings.users().values()
    assert (user.name, user.role) == ("ada", Role.ANALYST)
    assert is_password("secret", user.password_hash)
    assert "secret" not in repr(settings)


def test_two_logins_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to guess which of them counts."""
    for name in ("UI_USERNAME", "UI_PASSWORD", "UI_USERS_FILE"):
        monkeypatch.setenv(name, "x")
    with pytest.raises(Stop, match="UI_USERS_FILE is set"):
        UiSettings.read()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "fraud.example", "127.0.0.1.example", "*"])  # noqa: S104
def test_beyond_loopback_a_login_is_required(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Whoever reaches the page could else read every transaction; the message says what to set."""
    monkeypatch.setenv("UI_HOST", host)
    with pytest.raises(Stop, match=r"would be open to anyone who reaches .* UI_USERS_FILE"):
        check_exposure(ShareSettings.read(), UiSettings.read())
    monkeypatch.setenv("UI_USERS_FILE", "users")
    check_exposure(ShareSettings.read(), UiSettings.read())


def test_a_container_says_where_its_port_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of a container's addresses are no risk if the port is published on loopback alone, and one if it is not."""
    monkeypatch.setenv("UI_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.setenv("UI_PUBLISHED_ON", "127.0.0.1")
    check_exposure(ShareSettings.read(), UiSettings.read())
    monkeypatch.setenv("UI_PUBLISHED_ON", "0.0.0.0")  # noqa: S104
    with pytest.raises(Stop, match=r"anyone who reaches 0\.0\.0\.0"):
        check_exposure(ShareSettings.read(), UiSettings.read())


def test_compose_tells_the_page_the_address_it_publishes() -> None:
    """One variable names both: publishing elsewhere without a login cannot be overlooked."""
    compose = (project_root() / "docker-compose.yml").read_text()
    assert 'ports: ["${UI_PUBLISHED_ON:-127.0.0.1}:${UI_PORT:-7860}:7860"]' in compose
    assert "UI_PUBLISHED_ON: ${UI_PUBLISHED_ON:-127.0.0.1}" in compose


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_known_by_its_addresses(host: str) -> None:
    """Any of 127.0.0.0/8, ::1, and the one name that cannot be anything else."""
    assert is_loopback(host)
