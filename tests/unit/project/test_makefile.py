"""The list of commands, and what make says when it cannot begin."""

import itertools
import os
import re
import subprocess
from pathlib import Path

import pytest

from services.common.settings import project_root

FIRST = ["up", "send", "status", "logs", "doctor", "psql", "restart", "down", "clean", "test"]


OWN = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
"""Without what a make that runs these tests hands on to those it starts."""


def make(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=project_root(), env=OWN | env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [(), ("help",)])
def test_make_lists_the_ten_commands_that_matter_first(arguments: tuple[str, ...]) -> None:
    """The others follow in groups, every command once, each with what it does."""
    groups = [group.splitlines() for group in make(*arguments).stdout.strip().split("\n\n")]
    listed = [[line.split()[1] for line in lines] for _, *lines in groups]

    assert listed[0] == FIRST
    assert [title for title, *_ in groups] == ["Most used", "Operate", "Test", "Develop"]
    phony = re.search(r"^\.PHONY: (.*)", (project_root() / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert list(itertools.chain(*listed)) == phony[1].split()
    assert all(len(line.split()) > 3 for _, *lines in groups for line in lines)


def pretend(folder: Path, code: str) -> dict[str, str]:
    """Return the environment of a Python that runs this code when it starts."""
    (folder / "sitecustomize.py").write_text(f"import sys\n{code}\n")
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 10, 13), (3, 15, 0), None])
def test_a_python_of_another_version_is_named(tmp_path: Path, version: tuple[int, ...] | None) -> None:
    """Also one that is not there at all: what is needed, and how to name it, in one line before anything is made."""
    env = pretend(tmp_path, f"sys.version_info = {version}") if version else {}
    venv, python = tmp_path / "venv", "python3" if version else str(tmp_path / "missing")
    tried = make("up", f"VENV={venv}", f"PYTHON={python}", **env)

    said, *rest = tried.stderr.splitlines()
    assert said == f"Python 3.11 to 3.14 is needed, and {python} is not: make up PYTHON=python3.13"
    assert all(line.startswith("make") for line in rest)
    assert not tried.stdout
    assert not venv.exists()


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    """As Debian's, which comes without a part of it."""
    tried = make("up", f"VENV={tmp_path / 'venv'}", **pretend(tmp_path, 'sys.modules["ensurepip"] = None'))

    said, *rest = tried.stderr.splitlines()
    assert said.endswith(" has no module venv: install it (Debian, Ubuntu: apt install python3-venv)")
    assert all(line.startswith("make") for line in rest)
    assert not (tmp_path / "venv").exists()
