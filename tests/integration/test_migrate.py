"""The migration beside a file that is none of its business."""

import os
import subprocess
import sys
from pathlib import Path

from conftest import PASSWORDS, ROOT
from stack.postgres import database_url
from stack.servers import PostgresServer


def test_dbmate_does_not_read_the_folder_s_env_file(database: PostgresServer, tmp_path: Path) -> None:
    """It would, tell all of it as soon as a line is wrong, and refuse."""
    (tmp_path / ".env").write_text("\ufeffUI_PASSWORD=tops3cret\na stray line\n", encoding="utf-8")
    passwords = {f"{role.upper()}_PASSWORD": password for role, password in PASSWORDS.items()}
    owner = {"DATABASE_URL": database_url(database.port), "PGPASSWORD": database.password}
    env = os.environ | passwords | owner | {"PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-m", "db.migrate"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "tops3cret" not in done.stdout + done.stderr
