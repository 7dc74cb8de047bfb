"""The README's commands without Docker."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from stack.settings import StackSettings
from tests.readme.commands import ROOT, commands, run
from tests.support.families import loans
from tests.support.processes import wait_for

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


def test_a_model_of_ones_own_scores_as_the_document_says(copy: Path, tmp_path: Path) -> None:
    """docs/models.md, from model.onnx and rows.csv to scores in PostgreSQL: every command as it stands there."""
    onnx_file, sample, predictions = loans.write(tmp_path)
    shutil.copy(onnx_file, copy / "model.onnx")
    shutil.copy(sample, copy / "rows.csv")
    block = re.search(r"```sh\n(.*?)```", (ROOT / "docs/models.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block
    *before, last = block[1].splitlines()
    try:
        for command in before:
            run(command, folder=copy)
        wait_for(lambda: "(5 rows)" in run(last, folder=copy), 30)
        count = run("make psql ARGS='-c \"select count(*) from scores\"'", folder=copy)
    finally:
        subprocess.run(["make", "down"], cwd=copy, check=False)
    assert f" {len(predictions)}\n" in count
