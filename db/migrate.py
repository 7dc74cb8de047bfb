"""`python -m db.migrate`: bring the database to the newest schema and set the services' passwords. Safe to repeat.

Environment:
    DATABASE_URL: the owner's URL, e.g. postgres://fraud_owner:…@localhost:5432/fraud?sslmode=disable
    FRAUD_SINK_PASSWORD, FRAUD_UI_PASSWORD: passwords of the roles fraud_sink and fraud_ui
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import psycopg
from psycopg import sql

PASSWORDS = {"fraud_sink": "FRAUD_SINK_PASSWORD", "fraud_ui": "FRAUD_UI_PASSWORD"}


def main() -> int:
    """Migrate; return the exit code."""
    missing = [name for name in ("DATABASE_URL", *PASSWORDS.values()) if not os.environ.get(name)]
    if missing:
        print(f"not set: {', '.join(missing)}", file=sys.stderr)
        return 1
    done = subprocess.run(
        [_dbmate(), "--wait", "--no-dump-schema", "--migrations-dir", str(Path(__file__).parent / "migrations"), "up"],
        check=False,
    )
    if done.returncode == 0:
        set_passwords(os.environ["DATABASE_URL"], {role: os.environ[name] for role, name in PASSWORDS.items()})
    return done.returncode


def set_passwords(database_url: str, passwords: dict[str, str]) -> None:
    """Give each role its password (stored by the server as SCRAM-SHA-256)."""
    with psycopg.connect(database_url) as connection:
        for role, password in passwords.items():
            connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(password)))


def _dbmate() -> str:
    """Return dbmate beside this interpreter, or else on the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "dbmate"
    return str(beside) if beside.exists() else shutil.which("dbmate") or "dbmate"


if __name__ == "__main__":
    sys.exit(main())
