"""Secrets by file, and librdkafka's properties from the environment."""

from pathlib import Path

import pytest

from db.passwords import main as make_passwords
from services.common.database import connection_arguments
from services.common.errors import Stop
from services.common.secret_files import secret
from services.common.settings import KafkaSettings, check_client_properties, client_properties
from ui.settings import UiSettings


@pytest.fixture
def held(tmp_path: Path) -> Path:
    path = tmp_path / "held"
    path.write_text("not for logs\n")
    return path


def test_a_secret_may_stand_in_a_file(held: Path) -> None:
    """Its last line end is none of it; a variable without a file works as before."""
    assert secret("PGPASSWORD", {"PGPASSWORD_FILE": str(held)}) == "not for logs"
    held.write_bytes(b"\xef\xbb\xbfnot for logs\r\n")
    assert secret("PGPASSWORD", {"PGPASSWORD_FILE": str(held)}) == "not for logs"
    assert secret("PGPASSWORD", {"PGPASSWORD": "plain"}) == "plain"
    assert secret("PGPASSWORD", {"PGPASSWORD": "", "PGPASSWORD_FILE": ""}) is None


@pytest.mark.parametrize("content", [None, "", "\n", b"\xff"])
def test_a_file_that_holds_no_secret_is_told(content: str | bytes | None, tmp_path: Path) -> None:
    """With the variable and the path, rather than tried as an empty password."""
    path = tmp_path / "held"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(Stop, match=r"PGPASSWORD_FILE.*held"):
        secret("PGPASSWORD", {"PGPASSWORD_FILE": str(path)})


def test_a_secret_given_twice_is_refused_and_not_told(held: Path) -> None:
    """Nobody has to guess which of the two counts."""
    with pytest.raises(Stop, match="both set") as stopped:
        secret("PGPASSWORD", {"PGPASSWORD": "plain", "PGPASSWORD_FILE": str(held)})
    assert "plain" not in str(stopped.value)


def test_the_settings_take_their_secrets_from_files(held: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the page's login, of Kafka's, of the database's; printing the settings shows none."""
    monkeypatch.setenv("UI_USERNAME", "ada")
    monkeypatch.setenv("UI_PASSWORD_FILE", str(held))
    monkeypatch.setenv("KAFKA_CONF_SASL_USERNAME", "scorer")
    monkeypatch.setenv("KAFKA_CONF_SASL_PASSWORD_FILE", str(held))
    monkeypatch.setenv("PGPASSWORD_FILE", str(held))
    page, kafka = UiSettings.read(), KafkaSettings.read()

    assert page.password is not None
    assert page.password.get_secret_value() == "not for logs"
    assert kafka.client_config()["sasl.password"] == "not for logs"
    assert connection_arguments("fraud-test")["password"] == "not for logs"
    assert "not for logs" not in f"{page!r} {kafka!r}"


def test_a_property_of_librdkafka_may_stand_in_a_file(held: Path) -> None:
    """KAFKA_CONF_<PROPERTY>_FILE, whatever the property."""
    assert client_properties({"KAFKA_CONF_SSL_KEY_PASSWORD_FILE": str(held)}) == {"ssl.key.password": "not for logs"}


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"no.such.property": "1"}, "no.such.property"),
        ({"security.protocol": "SASL"}, "security.protocol"),
        ({"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512"}, "sasl.username and sasl.password"),
        ({"security.protocol": "SSL", "ssl.ca.location": "/no/such/file"}, "ssl.ca.location"),
    ],
)
def test_what_librdkafka_does_not_take_stops_the_start(properties: dict[str, str], told: str) -> None:
    """In one line, before any broker is asked."""
    with pytest.raises(Stop, match=told) as stopped:
        check_client_properties(properties)
    assert "\n" not in str(stopped.value)


def test_a_wrong_property_is_not_told_with_its_neighbours_secret() -> None:
    """librdkafka names the property at fault, never another one's value."""
    with pytest.raises(Stop) as stopped:
        check_client_properties({"sasl.password": "not for logs", "no.such.property": "1"})
    assert "not for logs" not in str(stopped.value)


def test_passwords_are_made_once_and_never_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each folder gets one of its own; a second run changes and prints nothing."""
    folders = [tmp_path / name for name in ("owner", "sink", "ui")]
    for folder in folders:
        folder.mkdir()
    for _ in range(2):
        assert make_passwords([*map(str, folders)]) == 0
        made = [(folder / "password").read_text().strip() for folder in folders]
        assert len(set(made)) == 3
        assert all(len(password) >= 32 for password in made)
        printed = capsys.readouterr().out
        assert not any(password in printed for password in made)
    assert not printed
