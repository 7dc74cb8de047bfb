"""The migration beside a file that is none of its business."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg

from conftest import PASSWORDS, ROOT
from stack.postgres import database_url
from stack.servers import PostgresServer


def test_a_server_takes_a_second_database(database: PostgresServer, postgres: str) -> None:
    """The roles are the server's: the second migration finds them, and gives them rights in its database alone."""
    with psycopg.connect(postgres, user="fraud_owner", password=database.password, autocommit=True) as owner:
        owner.execute("drop database if exists fraud_second")
        owner.execute("create database fraud_second")
    passwords = {f"{role.upper()}_PASSWORD": password for role, password in PASSWORDS.items()}
    url = database_url(database.port).replace("/fraud?", "/fraud_second?")
    env = os.environ | passwords | {"DATABASE_URL": url, "PGPASSWORD": database.password}

    done = subprocess.run(
        [sys.executable, "-m", "db.migrate"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    for role, password in PASSWORDS.items():
        with psycopg.connect(postgres, dbname="fraud_second", user=role, password=password) as connection:
            assert connection.execute("select count(*) from scores").fetchall() == [(0,)]


def test_dbmate_reads_its_migrations_and_nothing_else(database: PostgresServer, tmp_path: Path) -> None:
    """It would read `.env`, print all of it as soon as a line is wrong, and refuse; and take two folders for `a, b`."""
    project = tmp_path / "проба, 'a' #1"
    for name in ("db", "services/common"):
        shutil.copytree(ROOT / name, project / name)
    (project / ".env").write_text("\ufeffUI_PASSWORD=tops3cret\na stray line\n", encoding="utf-8")
    passwords = {f"{role.upper()}_PASSWORD": password for role, password in PASSWORDS.items()}
    owner = {"DATABASE_URL": database_url(database.port), "PGPASSWORD": database.password}
    env = os.environ | passwords | owner

    done = subprocess.run(
        [sys.executable, "-m", "db.migrate"], cwd=project, env=env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "tops3cret" not in done.stdout + done.stderr
