"""PostgreSQL over TLS with SCRAM, its certificate verified: migrations, the sink, the page.

The wheel of the stack is built without OpenSSL, so the server is Debian's; its version may be another one.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from conftest import PASSWORDS, ROOT
from stack.ports import free_port
from stack.postgres import not_as_root
from tests.support.certificates import Certificates, make_certificates
from tests.support.processes import wait_for

OWNER = {"user": "fraud_owner", "password": "owner-secret"}


@dataclass(frozen=True)
class TlsServer:
    """Where it listens, and what vouches for it."""

    port: int
    certificates: Certificates

    def conninfo(self, **changes: Any) -> str:
        """Return how the owner connects, its certificate and name verified."""
        return make_conninfo(
            **{
                "host": "127.0.0.1",
                "port": self.port,
                "dbname": "fraud",
                "sslmode": "verify-full",
                "sslrootcert": str(self.certificates.authority),
                **OWNER,
                **changes,
            }
        )

    def environment(self, role: str, password_file: Path) -> dict[str, str]:
        """Return libpq's variables of a service, its password in a file."""
        password_file.write_text(PASSWORDS[role] + "\n", encoding="utf-8")
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGDATABASE": "fraud",
            "PGUSER": role,
            "PGPASSWORD_FILE": str(password_file),
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(self.certificates.authority),
        }


@pytest.fixture(scope="module")
def programs() -> Path:
    """The folder of a PostgreSQL with TLS; without one these tests are left out on a laptop and fail in CI."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    if os.environ.get("CI"):
        pytest.fail("no PostgreSQL with TLS on this machine: apt-get install postgresql")
    pytest.skip("no PostgreSQL with TLS on this machine")


@pytest.fixture(scope="module")
def server(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    """A server that takes TLS and SCRAM alone, with the schema of the migrations."""
    home = tmp_path_factory.mktemp("tls-postgres")
    home.chmod(0o777)  # the server runs as another user
    found = TlsServer(free_port(), make_certificates(home, "127.0.0.1"))
    (home / "password").write_text(OWNER["password"])
    data = home / "data"
    initdb = (
        programs / "initdb",
        "-D",
        data,
        "-U",
        OWNER["user"],
        "--pwfile",
        home / "password",
        "-A",
        "scram-sha-256",
    )
    subprocess.run([*not_as_root(), *map(str, initdb)], check=True, capture_output=True)
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    options = {
        "port": found.port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_cert_file": found.certificates.certificate,
        "ssl_key_file": found.certificates.key,
        "ssl_min_protocol_version": "TLSv1.3",
    }
    given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [*not_as_root(), str(programs / "postgres"), "-D", str(data), *given], stdout=log, stderr=log
        )
    try:
        wait_for(lambda: answers(found.conninfo(dbname="postgres")), 60, (home / "log").read_text)
        with psycopg.connect(found.conninfo(dbname="postgres"), autocommit=True) as connection:
            connection.execute("create database fraud")
        migrate(found, home)
        yield found
    finally:
        process.terminate()
        process.wait(20)


def migrate(server: TlsServer, home: Path) -> None:
    url = (
        f"postgres://{OWNER['user']}@127.0.0.1:{server.port}/fraud"
        f"?sslmode=verify-full&sslrootcert={server.certificates.authority}"
    )
    passwords = {f"{role.upper()}_PASSWORD": password for role, password in PASSWORDS.items()}
    env = os.environ | passwords | {"DATABASE_URL": url, "PGPASSWORD_FILE": str(home / "password")}
    subprocess.run([sys.executable, "-m", "db.migrate"], cwd=ROOT, env=env, check=True)


def answers(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.parametrize(
    ("role", "script"),
    [
        ("fraud_sink", "from services.sink.write import MartWriter; MartWriter.connect('cluster', 5000).close()"),
        (
            "fraud_ui",
            "from ui.database import Database; mart = Database(); mart.open();"
            "assert mart.ask(lambda c: c.execute('select ssl, version from pg_stat_ssl where pid = pg_backend_pid()')"
            ".fetchone()) == (True, 'TLSv1.3')",
        ),
    ],
)
def test_the_services_connect_by_libpq_s_own_variables(
    server: TlsServer, role: str, script: str, tmp_path: Path
) -> None:
    """The certificate is verified, the password comes from a file, and not a line of code knows of TLS."""
    env = os.environ | server.environment(role, tmp_path / "password")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_is_not_tls_with_the_right_password_is_refused(server: TlsServer, tmp_path: Path) -> None:
    """Plain connections, wrong passwords; and by the client a server nobody vouches for, or under another name."""
    other = make_certificates(tmp_path, "127.0.0.1").authority
    for changes in (
        {"sslmode": "disable", "sslrootcert": ""},
        {"password": "guess"},
        {"sslrootcert": str(other)},
        {"host": "localhost"},
    ):
        assert not answers(server.conninfo(**changes)), changes
    assert answers(server.conninfo())
