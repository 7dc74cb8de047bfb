"""The README's commands without Docker."""

import subprocess

import pytest

from tests.readme.commands import ROOT, commands, run

pytestmark = pytest.mark.timeout(900)  # images are built and libraries fetched in a fixture


def test_every_make_command_does_what_the_readme_says() -> None:
    """From `make up` to `make down`: the sample is scored, nothing is doubled, nothing is left running."""
    wanted = [command for command in commands("make") if command != "make test"]
    assert wanted[0] == "make up"
    assert wanted[-1] == "make down"
    said = {}
    try:
        for command in wanted:
            said[command] = run(command)
    finally:
        subprocess.run(["make", "down"], cwd=ROOT, check=False)

    count, latest = (said[command] for command in wanted if command.startswith("make psql"))
    assert " 2000 |" in count
    assert "fraud_" in latest
    assert "http://127.0.0.1:7860" in said["make up"]
