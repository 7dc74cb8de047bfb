"""The page's settings."""

import pytest

from services.common.errors import Stop
from ui.settings import ShareSettings, UiSettings, check_sharing


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UI_HOST", "UI_PORT", "UI_MAX_FILE_MB", "UI_USERNAME", "UI_PASSWORD", "UI_MANIFEST", "GRADIO_SHARE"):
        monkeypatch.delenv(name, raising=False)


def test_the_page_listens_on_loopback_unless_told_otherwise() -> None:
    """Nobody else can open a page that was started without settings."""
    settings = UiSettings.read()
    assert (settings.host, settings.port, settings.max_file_mb, settings.login) == ("127.0.0.1", 7860, 512, None)
    assert settings.manifest.parts[-2:] == ("onnx", "manifest.json")


@pytest.mark.parametrize("half", ["UI_USERNAME", "UI_PASSWORD"])
def test_half_a_login_is_refused(monkeypatch: pytest.MonkeyPatch, half: str) -> None:
    """A login that would silently not be asked for is worse than none."""
    monkeypatch.setenv(half, "x")
    with pytest.raises(Stop, match="UI_USERNAME and UI_PASSWORD"):
        UiSettings.read()


@pytest.mark.parametrize("value", ["1", "true", "True"])
def test_sharing_without_a_login_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Payments are not opened to the internet."""
    monkeypatch.setenv("GRADIO_SHARE", value)
    with pytest.raises(Stop, match="UI_USERNAME and UI_PASSWORD"):
        check_sharing(ShareSettings.read(), UiSettings.read())


def test_sharing_with_a_login_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The login is what a link needs."""
    for name, value in (("GRADIO_SHARE", "1"), ("UI_USERNAME", "ada"), ("UI_PASSWORD", "secret")):
        monkeypatch.setenv(name, value)
    settings = UiSettings.read()
    check_sharing(ShareSettings.read(), settings)
    assert settings.login == ("ada", "secret")
    assert "secret" not in repr(settings)
