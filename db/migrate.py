"""`python -m db.migrate`: bring the database to the newest schema and set the services' passwords. Safe to repeat.

Environment:
    DATABASE_URL: the owner's URL, e.g. postgres://fraud_owner@localhost:5432/fraud?sslmode=verify-full
    PGPASSWORD: the owner's password, unless it stands in the URL
    FRAUD_SINK_PASSWORD, FRAUD_UI_PASSWORD: passwords of the roles fraud_sink and fraud_ui

Instead of a password, a variable with _FILE after its name may name a file that holds it.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from services.common.errors import Stop
from services.common.secret_files import secret

ROLES = {"fraud_sink": "FRAUD_SINK_PASSWORD", "fraud_ui": "FRAUD_UI_PASSWORD"}


def main() -> int:
    """Migrate; return the exit code."""
    try:
        database_url, owner_password = _needed("DATABASE_URL"), secret("PGPASSWORD", os.environ)
        passwords = {role: _needed(name) for role, name in ROLES.items()}
    except Stop as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    if owner_password:
        os.environ["PGPASSWORD"] = owner_password  # dbmate and libpq read it
    done = subprocess.run(
        [_dbmate(), "--wait", "--no-dump-schema", "--migrations-dir", str(Path(__file__).parent / "migrations"), "up"],
        env=os.environ | {"DATABASE_URL": database_url},
        check=False,
    )
    if done.returncode == 0:
        set_passwords(database_url, passwords)
    return done.returncode


def set_passwords(database_url: str, passwords: Mapping[str, str]) -> None:
    """Give each role its password; the server gets its SCRAM-SHA-256 verifier alone, so no log can tell it."""
    with psycopg.connect(database_url) as connection:
        for role, password in passwords.items():
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier)))


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
