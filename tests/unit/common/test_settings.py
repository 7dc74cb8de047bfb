"""Settings that all services share: those that follow from others, and removed ones."""

import json
import os

import pytest
import structlog

from services.common import removed_settings
from services.common.errors import Stop
from services.common.logs import configure_logs
from services.common.removed_settings import REMOVED, REMOVED_LOGIN
from services.common.settings import KafkaSettings, ProcessSettings, TopicSettings
from services.scorer.settings import ScorerSettings
from services.scorer.write import OFFSETS_GRACE_SECONDS
from services.sink.settings import SinkSettings
from stack.settings_table import HEADINGS, PLAIN, variables

SESSIONS = [6_000, 6_001, 10_000, 15_000, 33_333, 120_000, 900_000]


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set, and nothing was told yet."""
    for name in {*REMOVED, *(name for name in os.environ if name.startswith("KAFKA_"))}:
        monkeypatch.delenv(name, raising=False)
    removed_settings._warn.cache_clear()


@pytest.mark.parametrize("session", SESSIONS)
def test_the_scorer_s_timeouts_are_in_order(session: int) -> None:
    """Whatever the session's: what hangs is aborted before it is given away, and told before the process ends."""
    settings = ScorerSettings(session_timeout_ms=session)
    transaction, watchdog = settings.transaction_timeout_ms, settings.watchdog_ms

    assert transaction < session < watchdog < settings.max_poll_interval_ms
    assert transaction + 1000 * OFFSETS_GRACE_SECONDS + settings.commit_timeout_ms < watchdog
    assert transaction < settings.commit_timeout_ms
    assert transaction <= 900_000, "transaction.max.timeout.ms of brokers"


@pytest.mark.parametrize("session", SESSIONS)
def test_the_sink_s_timeouts_are_in_order(session: int) -> None:
    """The last statement and the commit after it may both take as long as they may."""
    settings = SinkSettings(session_timeout_ms=session)

    assert session < settings.statement_timeout_ms < settings.watchdog_ms < settings.max_poll_interval_ms
    assert 2 * settings.statement_timeout_ms < settings.watchdog_ms


def test_the_defaults_are_those_that_were_measured() -> None:
    """What the fault suite tries."""
    assert [*ScorerSettings().timeouts_ms.values()] == [10_000, 12_000, 15_000, 25_000, 300_000]
    assert [*SinkSettings().timeouts_ms.values()] == [15_000, 20_000, 45_000, 300_000]


@pytest.mark.parametrize("value", ["5999", "900001", "15 s"])
def test_a_base_beyond_the_bounds_is_told_in_one_line(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any server is asked."""
    monkeypatch.setenv("SINK_SESSION_TIMEOUT_MS", value)
    with pytest.raises(Stop, match=r"^wrong settings:\n  SINK_SESSION_TIMEOUT_MS: [^\n]+$"):
        SinkSettings.read()


def test_a_removed_setting_is_logged_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """However many settings are read; it says what replaces it, not what it was set to, and leaves the output alone."""
    monkeypatch.setenv("SCORER_WATCHDOG_MS", "12345")
    monkeypatch.setenv("SINK_STATE_DIR", "")
    configure_logs("scorer")
    try:
        ScorerSettings.read()
        TopicSettings.read()
    finally:
        structlog.reset_defaults()

    out, told = capsys.readouterr()
    assert out == ""
    assert [json.loads(line) for line in told.splitlines()] == [
        json.loads(told)
        | {
            "event": "setting_removed",
            "setting": "SCORER_WATCHDOG_MS",
            "now": "follows from SCORER_SESSION_TIMEOUT_MS",
            "level": "warning",
        }
    ]
    assert "12345" not in told


@pytest.mark.parametrize("name", [*(f"KAFKA_{name}" for name in REMOVED_LOGIN), "KAFKA_SASL_PASSWORD_FILE"])
def test_a_login_that_would_be_ignored_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To go on would be to connect without TLS, or as nobody."""
    monkeypatch.setenv(name, "tops3cret")
    with pytest.raises(Stop, match=f"{name} is {name.replace('KAFKA_', 'KAFKA_CONF_')} now") as stopped:
        KafkaSettings.read()
    assert "tops3cret" not in str(stopped.value)


def test_removed_settings_are_read_by_nobody() -> None:
    """And none of it is documented any more."""
    known = {variable.name for classes in HEADINGS.values() for one in classes for variable in variables(one)}
    login = {f"KAFKA_{name}" for name in REMOVED_LOGIN}

    assert len(REMOVED) + len(REMOVED_LOGIN) >= 25
    assert not (REMOVED.keys() | login) & (known | PLAIN.keys())


def test_state_and_probes_are_set_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a service's name before them."""
    monkeypatch.setenv("STATE_DIR", "/var/lib/fraud")
    monkeypatch.setenv("PROBE_HOST", "0.0.0.0")  # noqa: S104  # a value like a container's
    settings = ProcessSettings.read()

    assert (str(settings.state_dir), settings.probe_host) == ("/var/lib/fraud", "0.0.0.0")  # noqa: S104
