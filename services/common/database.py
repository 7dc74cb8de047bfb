"""Opens connections to PostgreSQL, and decides what its errors mean."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from services.common.errors import Reason, Reject, Retry, Stop
from services.common.secret_files import secret

Connection = psycopg.Connection[Any]

CONNECT_TIMEOUT_SECONDS = 5
KEEPALIVES_IDLE_SECONDS = 10


def connection_arguments(application: str, **settings: int) -> dict[str, Any]:
    """Return the arguments of psycopg.connect(). libpq reads the address and TLS from PG* variables.

    Args:
        application: shown in pg_stat_activity.
        settings: of the session, by PostgreSQL's names; timeouts in milliseconds, 0 = none.

    Raises:
        Stop: the file of PGPASSWORD_FILE, which libpq does not know, cannot be read.
    """
    password = secret("PGPASSWORD", os.environ) if os.environ.get("PGPASSWORD_FILE") else None
    return {
        "application_name": application,
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "keepalives_idle": KEEPALIVES_IDLE_SECONDS,
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    } | ({"password": password} if password else {})


def connect(application: str, conninfo: str = "", *, autocommit: bool = True, **settings: int) -> Connection:
    """Return a connection; the settings are those of connection_arguments().

    Raises:
        Retry: the database is unavailable; Stop: it refuses permanently.
    """
    try:
        return psycopg.connect(conninfo, autocommit=autocommit, **connection_arguments(application, **settings))
    except psycopg.Error as error:
        raise classify_error(error) from error


@contextmanager
def session(application: str, conninfo: str = "", *, autocommit: bool = True, **settings: int) -> Iterator[Connection]:
    """Give a connection as connect() does, and close it; without autocommit, commit if the block ends well.

    Raises:
        Retry, Stop: as connect(), and for the database errors of the block.
    """
    connection = connect(application, conninfo, autocommit=autocommit, **settings)
    try:
        with connection:
            yield connection
    except psycopg.Error as error:
        raise classify_error(error) from error


def classify_error(error: psycopg.Error) -> Retry | Stop:
    """Return Stop for what only a person can fix, else Retry.

    Stop: SQLSTATE classes 28 (authorization), 3D (no such database), 42 (no such table, no permission).
    Errors of a single row (classes 22, 23) are Rejects: see classify_row_error().
    """
    state = error.sqlstate or ""
    sentence = (
        f"PostgreSQL: {state or 'no answer'}: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    )
    return Stop(sentence) if state[:2] in {"28", "3D", "42"} else Retry(sentence)


def classify_row_error(error: psycopg.Error) -> Reject:
    """Return the Reject of the one row that the database refused by an IntegrityError or DataError."""
    reason = Reason.OUT_OF_RANGE if isinstance(error, psycopg.IntegrityError) else Reason.BAD_TYPE
    constraint = f" ({error.diag.constraint_name})" if error.diag.constraint_name else ""
    return Reject(reason, "", f"PostgreSQL refused it: {error.sqlstate or error}{constraint}")
