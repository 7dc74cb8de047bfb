"""The README's commands without Docker."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from stack.settings import StackSettings
from tests.readme.commands import ROOT, commands, run

pytestmark = pytest.mark.timeout(900)  # images are built and libraries fetched in a fixture

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".stack", "build", "__pycache__", ".*_cache", ".hypothesis")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository in a folder with blanks and foreign letters; libraries and jars are in place."""
    copy = tmp_path / "Überweisung, оценка & Co"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    (copy / ".venv").symlink_to((ROOT / ".venv").resolve())
    jars = StackSettings.read().jars
    jars.mkdir(parents=True, exist_ok=True)
    (copy / ".stack").mkdir()
    (copy / ".stack/jars").symlink_to(jars)
    return copy


def test_every_make_command_does_what_the_readme_says(copy: Path) -> None:
    """From `make up` to `make down`: the sample is scored, nothing is doubled, nothing is left running.

    In a folder of any name, and without a terminal.
    """
    wanted = [command for command in commands("make") if command != "make test"]
    assert wanted[0] == "make up"
    assert wanted[-1] == "make down"
    said = {}
    try:
        for command in wanted:
            said[command] = run(command, folder=copy)
    finally:
        subprocess.run(["make", "down"], cwd=copy, check=False)

    count, latest = (said[command] for command in wanted if command.startswith("make psql"))
    assert " 2000 |" in count
    assert "fraud_" in latest
    assert "http://127.0.0.1:7860" in said["make up"]
    assert re.search(
        r"^first flagged transaction in the database \d+ s after the command$", said["make up"], re.MULTILINE
    )
