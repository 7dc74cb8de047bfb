"""`python -m db.migrate`: bring the database to the newest schema and set the services' passwords. Safe to repeat.

Environment:
    DATABASE_URL: the owner's URL, e.g. postgres://fraud_owner@localhost:5432/fraud?sslmode=verify-full
    PGPASSWORD: the owner's password, unless the URL has it
    FRAUD_SINK_PASSWORD, FRAUD_UI_PASSWORD: passwords of the roles fraud_sink and fraud_ui

Instead of a password, a variable with _FILE after its name may name a file that contains it.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from psycopg import sql

from services.common.database import session
from services.common.errors import FraudError, Stop
from services.common.secret_files import secret

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
ROLES = {"fraud_sink": "FRAUD_SINK_PASSWORD", "fraud_ui": "FRAUD_UI_PASSWORD"}


def main() -> int:
    """Migrate; return the exit code."""
    try:
        database_url, in_url = without_password(_needed("DATABASE_URL"))
        owner_password = in_url or secret("PGPASSWORD", os.environ)
        passwords = {role: _needed(name) for role, name in ROLES.items()}
    except Stop as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    if owner_password:
        os.environ["PGPASSWORD"] = owner_password  # dbmate and libpq read it
        os.environ.pop("PGPASSWORD_FILE", None)  # connect() accepts only one of them
    folder = os.path.relpath(MIGRATIONS)  # dbmate splits the name at commas
    done = subprocess.run(
        [_dbmate(), "--env-file", os.devnull, "--wait", "--no-dump-schema", "--migrations-dir", folder, "up"],
        env=_for_dbmate(database_url),
        check=False,
    )
    if done.returncode:
        return done.returncode
    try:
        set_passwords(database_url, passwords)
    except FraudError as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    return 0


def set_passwords(database_url: str, passwords: Mapping[str, str]) -> None:
    """Set the roles' passwords; the server only gets SCRAM-SHA-256 verifiers, so that no log can contain a password."""
    with session("fraud-migrate", database_url, autocommit=False) as connection:
        for role, password in passwords.items():
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier)))


def without_password(database_url: str) -> tuple[str, str | None]:
    """Return the address without its password, and the password: libpq reads PGPASSWORD, and errors contain URLs.

    Raises:
        Stop: it is not an address. The error shows no part of it: what is parsed as a port may be half of a password.
    """
    parts = _parts(database_url)
    if parts is None:
        raise Stop(
            "DATABASE_URL is not postgres://USER:PASSWORD@HOST:PORT/DATABASE;"
            " in the password write @ : / ? # % as %40 %3A %2F %3F %23 %25, or leave it to PGPASSWORD_FILE"
        )
    login, _, place = parts.netloc.rpartition("@")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    password = query.pop("password", None) or unquote(parts.password or "") or None
    netloc = f"{login.partition(':')[0]}@{place}" if login else place
    return parts._replace(netloc=netloc, query=urlencode(query)).geturl(), password


def _parts(database_url: str) -> SplitResult | None:
    """Return the parts of a database's address, None if it is not one."""
    try:
        parts = urlsplit(database_url)
        _ = parts.port  # ValueError unless it is a number
    except ValueError:
        return None
    is_fit = parts.scheme in {"postgres", "postgresql"} and "@" not in parts.path + parts.query + parts.fragment
    return parts if is_fit else None


def _for_dbmate(database_url: str) -> dict[str, str]:
    """Return dbmate's environment: its own variables, libpq's and the system's; no other secrets."""
    ours = ("FRAUD_", "GRADIO_", "KAFKA_", "SCORER_", "SINK_", "UI_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
        "DATABASE_URL": database_url
    }


def _needed(name: str) -> str:
    if value := secret(name, os.environ):
        return value
    raise Stop(f"{name} is not set")


def _dbmate() -> str:
    """Return dbmate beside this interpreter, or else on the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "dbmate"
    return str(beside) if beside.exists() else shutil.which("dbmate") or "dbmate"


if __name__ == "__main__":
    sys.exit(main())
