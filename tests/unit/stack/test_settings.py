"""Settings, passwords and the plan made of them."""

import stat
from pathlib import Path

import pytest

import stack.__main__
from services.common.errors import Stop
from stack.environment import OURS
from stack.plan import everything
from stack.service import Kind, Service
from stack.settings import PASSWORD_NAMES, StackSettings, read_passwords
from stack.up import DATA


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Service]:
    monkeypatch.setenv("STACK_HOME", str(tmp_path))
    monkeypatch.setenv("KAFKA_PORT", "29092")
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere.else/")
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("UI_PASSWORD", "not for servers")
    return {service.name: service for service in everything(StackSettings.read())}


def test_passwords_are_made_once_and_only_for_the_owner(tmp_path: Path) -> None:
    """Every home has passwords of its own, kept in a file that nobody else can read, and used again."""
    first = read_passwords(tmp_path / "a")
    assert first == read_passwords(tmp_path / "a")
    assert set(first) == set(PASSWORD_NAMES)
    assert len({*first.values(), *read_passwords(tmp_path / "b").values()}) == 2 * len(PASSWORD_NAMES)
    assert stat.S_IMODE((tmp_path / "a" / "passwords").stat().st_mode) == 0o600


def test_two_services_on_one_port_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mistake is told at the start, not by whichever service comes second."""
    monkeypatch.setenv("UI_PORT", "19092")
    with pytest.raises(Stop, match="ports must differ"):
        StackSettings.read()


def test_every_need_of_the_plan_is_in_the_plan(plan: dict[str, Service]) -> None:
    """No service waits for something that never comes."""
    names = list(plan)
    for service in plan.values():
        assert all(names.index(need) < names.index(service.name) for need in service.needs)


def test_the_plan_is_the_product(plan: dict[str, Service]) -> None:
    """Two servers, two jobs, three services, under the names that compose uses."""
    assert list(plan) == ["kafka", "postgres", "topics", "migrate", "scorer", "sink", "ui"]
    assert {name for name, service in plan.items() if service.kind is Kind.JOB} == {"topics", "migrate"}


def test_each_service_gets_its_own_role_and_no_other_password(plan: dict[str, Service], tmp_path: Path) -> None:
    """The scorer gets no database at all; the sink and the page get their roles; only the migration gets the owner."""
    passwords = read_passwords(tmp_path)
    roles = {name: service.env.get("PGUSER") for name, service in plan.items()}
    assert (roles["scorer"], roles["sink"], roles["ui"]) == (None, "fraud_sink", "fraud_ui")
    assert plan["sink"].env["PGPASSWORD"] == passwords["FRAUD_SINK_PASSWORD"]
    assert plan["ui"].env["PGPASSWORD"] == passwords["FRAUD_UI_PASSWORD"]
    for name in ("scorer", "sink", "ui", "topics"):
        assert passwords["POSTGRES_PASSWORD"] not in " ".join(plan[name].env.values())
    assert plan["migrate"].env["PGPASSWORD"] == passwords["POSTGRES_PASSWORD"]
    assert passwords["POSTGRES_PASSWORD"] not in plan["migrate"].env["DATABASE_URL"]


def test_services_are_led_to_this_stack_and_nowhere_else(plan: dict[str, Service]) -> None:
    """The ports of the settings reach the services; a DATABASE_URL from outside does not."""
    assert plan["scorer"].env["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:29092"
    assert "DATABASE_URL" not in plan["sink"].env
    assert "DATABASE_URL" not in plan["ui"].env
    assert not any("PGHOSTADDR" in service.env for service in plan.values())
    assert "127.0.0.1:15432" in plan["migrate"].env["DATABASE_URL"]


def test_servers_get_no_settings_and_no_secrets(plan: dict[str, Service]) -> None:
    """They need none, and neither do those who may read their logs."""
    assert plan["ui"].env["UI_PASSWORD"] == "not for servers"
    for name in ("kafka", "postgres"):
        assert not [variable for variable in plan[name].env if variable.startswith(OURS)]


def test_state_lies_in_the_home_of_the_stack(plan: dict[str, Service], tmp_path: Path) -> None:
    """Of the sink too, and uploads: a second installation, or another user's, has other ones, and DATA names them."""
    assert plan["ui"].env["TMPDIR"] == str(tmp_path / "uploads")
    assert {"state", "uploads"} <= set(DATA)
    assert {plan[name].env["STATE_DIR"] for name in ("scorer", "sink")} == {str(tmp_path / "state")}


def test_a_wrong_line_of_the_env_file_stops_what_would_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And neither what looks nor what stops: the file may have been broken while all runs."""
    monkeypatch.setattr(stack.__main__, "project_root", lambda: tmp_path)
    monkeypatch.setenv("STACK_HOME", str(tmp_path / "home"))
    (tmp_path / ".env").write_text("# mine\ntops3cret\n", encoding="utf-8")

    assert stack.__main__.main(["send", "transactions.csv"]) == 1
    assert ".env: line 2 is not NAME=value" in (told := capsys.readouterr().err)
    assert stack.__main__.main(["status"]) == 1
    assert ".env: line 2 is not NAME=value" in (again := capsys.readouterr()).err
    assert "nothing runs" in again.out
    assert "tops3cret" not in told + again.err + again.out
