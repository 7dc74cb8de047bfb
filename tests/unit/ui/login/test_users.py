"""Passwords, the users file, the slowing down of guesses, sessions and roles."""

import asyncio
import io
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.common.errors import Stop
from ui.login import users as login
from ui.login.access import NO_LOGIN, Access, Sessions
from ui.login.throttle import (
    FORGOTTEN_AFTER_SECONDS,
    FREE_FAILURES_OF_ADDRESS,
    FREE_FAILURES_OF_USER,
    LONGEST_WAIT_SECONDS,
    Throttle,
)
from ui.login.users import Role, User, hash_password, is_password, may_log_in, read_users


@dataclass
class Asking:
    """A request as far as a login is concerned."""

    username: str | None


@pytest.fixture(scope="module")
def hashed() -> str:
    return hash_password("correct horse battery")


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> str:
    """A hash of the same password that costs nothing to check."""
    monkeypatch.setattr(login, "_N", 2)
    return hash_password("correct horse battery")


@pytest.fixture
def clock() -> "Clock":
    return Clock()


class Clock:
    """A clock that stands until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_password_is_recognised_by_its_hash(hashed: str) -> None:
    """The hash holds the cost and the salt, not the password; the same password hashes differently each time."""
    assert is_password("correct horse battery", hashed)
    assert not is_password("correct horse batterz", hashed)
    assert hashed.startswith("scrypt$32768$8$3$")
    assert "correct" not in hashed
    assert hash_password("correct horse battery") != hashed


def test_the_command_makes_a_line_of_the_users_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it prints can be appended to the file and used."""
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert login.main(["ada", "--role", "viewer"]) == 0
    path = tmp_path / "users"
    path.write_text(f"# who may look\n\n{capsys.readouterr().out}")
    users = read_users(path)
    assert (list(users), users["ada"].role) == (["ada"], Role.VIEWER)
    assert may_log_in(users, "ada", "correct horse battery")
    assert not may_log_in(users, "eve", "correct horse battery")
    assert "scrypt" not in repr(users)


def test_a_users_file_may_be_windows_own(tmp_path: Path, hashed: str) -> None:
    """A byte-order mark is no part of the first name."""
    (tmp_path / "users").write_bytes(f"\ufeffada:viewer:{hashed}\r\n".encode())

    assert list(read_users(tmp_path / "users")) == ["ada"]


def test_a_short_password_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With a reason, an exit code and no line."""
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert login.main(["ada"]) == 1
    reported = capsys.readouterr()
    assert (reported.out, "at least 12 characters" in reported.err) == ("", True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no users"),
        ("# nobody\n", "has no users"),
        ("ada:analyst:{hash}\nada:viewer:{hash}", "line 2: duplicate user ada"),
        ("ada:admin:{hash}", "line 1: the role is viewer or analyst"),
        ("a da:viewer:{hash}", "line 1: a name"),
        ("ada:viewer:md5$x", "line 1: not a hash"),
        ("ada:viewer:scrypt$3$8$1$AAAA$AAAA", "line 1: not a hash"),
        ("ada:viewer:plain-password", "line 1: not a hash"),
    ],
)
def test_a_wrong_users_file_is_reported_by_line(tmp_path: Path, hashed: str, content: str, message: str) -> None:
    """A page that would let nobody in, or the wrong ones, does not start."""
    path = tmp_path / "users"
    path.write_text(content.replace("{hash}", hashed))
    with pytest.raises(Stop, match=message):
        read_users(path)


def test_a_missing_users_file_is_reported(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(Stop, match="nowhere cannot be read"):
        read_users(tmp_path / "nowhere")


def tries(throttle: Throttle, number: int, name: str = "ada", address: str = "10.0.0.1") -> list[bool]:
    return [throttle.admit(name, address) for _ in range(number)]


def test_guesses_wait_longer_and_longer_but_never_for_ever(clock: Clock) -> None:
    """Five are free; then each failure doubles the wait, up to a minute, and after an hour all is forgotten."""
    throttle = Throttle(clock)
    assert tries(throttle, FREE_FAILURES_OF_USER + 1) == [True] * FREE_FAILURES_OF_USER + [False]
    waits = []
    for _ in range(10):
        asked = clock.now
        while not throttle.admit("ada", "10.0.0.1"):
            clock.now += 0.5
        waits.append(clock.now - asked)
    assert waits[:5] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert waits[-1] == LONGEST_WAIT_SECONDS
    clock.now += FORGOTTEN_AFTER_SECONDS + 1
    assert tries(throttle, 2) == [True, True]


def test_guesses_from_many_addresses_count_together(clock: Clock) -> None:
    """A botnet gains nothing on one user."""
    throttle = Throttle(clock)
    assert [throttle.admit("ada", f"10.0.0.{number}") for number in range(7)] == [True] * 5 + [False] * 2


def test_one_address_does_not_try_many_users(clock: Clock) -> None:
    """One password for a thousand names is guessing too; the addresses of a /64 are one place."""
    throttle = Throttle(clock)
    admitted = [throttle.admit(f"user{number}", f"2001:db8::{number:x}") for number in range(25)]
    assert admitted == [True] * FREE_FAILURES_OF_ADDRESS + [False] * 5
    assert throttle.admit("user1", "2001:db8:0:1::1")


def test_a_stranger_does_not_keep_the_owner_out(clock: Clock) -> None:
    """Where a user has logged in before, other places' guesses do not count."""
    throttle = Throttle(clock)
    assert throttle.admit("ada", "10.0.0.1")
    throttle.succeeded("ada", "10.0.0.1")
    assert tries(throttle, 9, address="6.6.6.6")[-1] is False
    assert throttle.admit("ada", "10.0.0.1")


def test_a_success_does_not_wash_other_guesses_away(clock: Clock) -> None:
    """Who has an account of his own cannot use it to go on guessing others'."""
    throttle = Throttle(clock)
    for number in range(FREE_FAILURES_OF_ADDRESS - 1):
        assert throttle.admit(f"user{number}", "10.0.0.1")
    assert throttle.admit("mallory", "10.0.0.1")
    throttle.succeeded("mallory", "10.0.0.1")
    assert throttle.admit("user20", "10.0.0.1")
    assert not throttle.admit("user21", "10.0.0.1")


def test_a_right_password_is_not_taken_while_its_user_waits(cheap: str, clock: Clock) -> None:
    """Else the wait would slow nobody down; afterwards it is taken."""
    access = Access({"ada": User("ada", Role.ANALYST, cheap)}, Throttle(clock))

    async def log_in() -> list[bool]:
        wrong = [await access.log_in("ada", "guess") for _ in range(FREE_FAILURES_OF_USER)]
        at_once = await access.log_in("ada", "correct horse battery")
        clock.now += 2
        return [*wrong, at_once, await access.log_in("ada", "correct horse battery")]

    assert asyncio.run(log_in()) == [False] * 6 + [True]


def test_guesses_at_the_same_time_count_like_guesses_in_a_row(cheap: str, clock: Clock) -> None:
    """Forty at once are not forty free ones."""
    access = Access({"ada": User("ada", Role.ANALYST, cheap)}, Throttle(clock))

    async def log_in() -> list[bool]:
        return list(await asyncio.gather(*(access.log_in("ada", f"guess {number}") for number in range(40))))

    assert not any(asyncio.run(log_in()))
    assert access.throttle._failures["user", "ada"].number == FREE_FAILURES_OF_USER


def test_roles_say_who_may_change_things(cheap: str) -> None:
    """An analyst by name; a viewer, and a user who was removed, may not. Without a login: whoever is at the machine."""
    access = Access({role.value: User(role.value, role, cheap) for role in Role})
    assert access.analyst(Asking("analyst")) == "analyst"
    assert access.analyst(Asking("viewer")) is None
    assert access.analyst(Asking("removed")) is None
    assert access.analyst(Asking(None)) is None
    assert (access.role(Asking("viewer")), access.role(Asking("removed"))) == (Role.VIEWER, None)
    assert Access().analyst(Asking(None)) == NO_LOGIN
    assert Access().analyst(Asking("forged")) == NO_LOGIN


def test_a_session_ends(clock: Clock) -> None:
    """Gradio's tokens live for ever; these for so many seconds, and old ones leave the memory."""
    sessions = Sessions(60, clock)
    sessions["a"] = "ada"
    clock.now += 59
    assert sessions.get("a") == "ada"
    assert sessions.get(None) is None
    clock.now += 2
    assert sessions.get("a") is None
    sessions["b"] = "bob"
    assert list(sessions) == ["b"]
    del sessions["b"]
    assert sessions.get("b") is None
