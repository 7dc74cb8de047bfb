"""The users file of the page: names, roles and hashed passwords.

`python -m ui.login NAME` asks for a password and prints a line of the file: NAME:ROLE:HASH.
"""

import hashlib
import hmac
import re
import secrets
import sys
from argparse import ArgumentParser
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from getpass import getpass
from pathlib import Path

from services.common.errors import Stop

NAME = re.compile(r"[\w.@-]{1,64}")
PASSWORD_MIN_CHARACTERS = 12

_N, _R, _P = 1 << 15, 8, 3
"""Cost of scrypt (RFC 7914): 32 MiB and a quarter of a second, one of the settings of the OWASP cheat sheet."""
_MAX_MEMORY = 128 << 20
_SALT_BYTES = 16


class Role(StrEnum):
    """A viewer sees everything and changes nothing; an analyst also sends transactions and gives verdicts."""

    VIEWER = "viewer"
    ANALYST = "analyst"


@dataclass(frozen=True, slots=True)
class User:
    """A user; `password_hash` is a result of hash_password()."""

    name: str
    role: Role
    password_hash: str = field(repr=False)


def hash_password(password: str) -> str:
    """Return the salted hash of a password: scrypt$n$r$p$salt$hash, the last two in base64."""
    salt = secrets.token_bytes(_SALT_BYTES)
    derived = _derive(password, salt, _N, _R, _P)
    return f"scrypt${_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(derived).decode()}"


def is_password(password: str, password_hash: str) -> bool:
    """Return whether the password has this hash, in the same time for correct and wrong ones.

    Raises:
        ValueError: not a result of hash_password().
    """
    n, r, p, salt, derived = _open(password_hash)
    return hmac.compare_digest(_derive(password, salt, n, r, p), derived)


def _open(password_hash: str) -> tuple[int, int, int, bytes, bytes]:
    """Return n, r, p, salt and the derived key of a hash."""
    kind, n, r, p, salt, derived = password_hash.split("$")
    if kind != "scrypt":
        raise ValueError(f"unknown hash {kind}")
    cost = int(n), int(r), int(p)
    if min(cost) < 1 or cost[0] < 2 or cost[0] & (cost[0] - 1) or 128 * cost[0] * cost[1] > _MAX_MEMORY:
        raise ValueError("n is not a power of 2, or the cost is out of bounds")
    return *cost, b64decode(salt, validate=True), b64decode(derived, validate=True)


def read_users(path: Path) -> dict[str, User]:
    """Return the users of a file by name: lines NAME:ROLE:HASH; blank lines and those that start with # are skipped.

    Raises:
        Stop: the file cannot be read, has no user, or a line is invalid; names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(f"the users file {path} cannot be read: {error}") from error
    users: dict[str, User] = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if line and not line.startswith("#"):
            user = _read_user(line, f"{path}, line {number}")
            if user.name in users:
                raise Stop(f"{path}, line {number}: duplicate user {user.name}")
            users[user.name] = user
    if not users:
        raise Stop(f"the users file {path} has no users: `python -m ui.login NAME` prints a line for it")
    return users


def _read_user(line: str, place: str) -> User:
    name, _, rest = line.partition(":")
    role, _, password_hash = rest.partition(":")
    if not NAME.fullmatch(name):
        raise Stop(f"{place}: a name has 1 to 64 letters, digits and . @ - _")
    if role not in set(Role):
        raise Stop(f"{place}: the role is {' or '.join(Role)}")
    try:
        _open(password_hash)
    except ValueError:
        raise Stop(f"{place}: not a hash printed by `python -m ui.login {name}`") from None
    return User(name, Role(role), password_hash)


def may_log_in(users: Mapping[str, User], name: str, password: str) -> bool:
    """Return whether a user has this name and password; an unknown name takes as long as a wrong password."""
    user = users.get(name)
    known = user.password_hash if user else _NOBODY
    return is_password(password, known) and user is not None


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask for a password and print a line for the users file; return the exit code."""
    parser = ArgumentParser(prog="python -m ui.login", description="Print a line for the page's users file.")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--role", type=Role, default=Role.ANALYST, choices=list(Role), help="default: analyst")
    options = parser.parse_args(arguments)
    if not NAME.fullmatch(options.name):
        parser.error("a name has 1 to 64 letters, digits and . @ - _")
    password = _ask_password()
    if len(password) < PASSWORD_MIN_CHARACTERS:
        sys.stderr.write(f"ui.login: a password has at least {PASSWORD_MIN_CHARACTERS} characters\n")
        return 1
    sys.stdout.write(f"{options.name}:{options.role}:{hash_password(password)}\n")
    return 0


def _ask_password() -> str:
    """Return a password typed twice, or the first line of standard input if that is no terminal; "" if they differ."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass("password: ")
    return password if password == getpass("repeat: ") else ""


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=2 * _MAX_MEMORY, dklen=32)


_NOBODY = f"scrypt${_N}${_R}${_P}${b64encode(bytes(_SALT_BYTES)).decode()}${b64encode(bytes(32)).decode()}"
"""Compared with if the name is unknown, so that this takes the same time."""
