"""An image contains every module that its programs import, and its requirements declare every library."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from services.common.contract.load import read_contract
from services.common.contract.model import CONTRACT_NAME
from services.common.settings import project_root

ROOT = project_root()
PROGRAMS = {
    "db/Dockerfile": ["db.migrate", "db.passwords"],
    "services/tools/doctor/Dockerfile": [
        "services.tools.doctor",
        "services.tools.customer",
        "services.tools.retention",
        "services.tools.backfill",
        "services.tools.labels",
    ],
    "services/scorer/Dockerfile": ["services.scorer", "services.topics"],
    "services/simulator/Dockerfile": ["services.simulator"],
    "services/sink/Dockerfile": ["services.sink", "services.tools.dlq"],
    "ui/Dockerfile": ["ui", "services.sender"],
}
"""Dockerfile -> modules that compose and the documents start from its image."""


def file_of(module: str) -> Path | None:
    """Return the file of a module of this project."""
    path = ROOT / module.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


def imported(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports anywhere; an imported name may be a module too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_needed(program: str) -> set[Path]:
    """Return the files of this project that a program imports, with those of the packages around them."""
    main = file_of(f"{program}.__main__") or file_of(program)
    assert main, program
    found, waiting = set[Path](), [main]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        names = {name for module in imported(file) for name in (module, module.rpartition(".")[0])}
        waiting += filter(None, map(file_of, names))
    return found


@pytest.mark.parametrize("dockerfile", PROGRAMS)
def test_an_image_contains_what_its_programs_import(dockerfile: str) -> None:
    """A checkout contains everything, so no other test notices a missing file."""
    copies = re.findall(r"^COPY (.+) \S+$", (ROOT / dockerfile).read_text(), re.MULTILINE)
    copied = [ROOT / source for line in copies for source in line.split()]

    missing = {
        str(file.relative_to(ROOT))
        for program in PROGRAMS[dockerfile]
        for file in files_needed(program)
        if not any(file.is_relative_to(source) for source in copied)
    }

    assert missing == set()


@pytest.mark.parametrize("dockerfile", PROGRAMS)
def test_an_image_declares_what_its_programs_import(dockerfile: str) -> None:
    """Tests run with the libraries of all services; a dependency of another library may disappear."""
    [lock] = re.findall(r"^COPY (requirements/\S+)", (ROOT / dockerfile).read_text(), re.MULTILINE)
    declared = set(re.findall(r"^[a-z0-9-]+", (ROOT / lock).with_suffix(".in").read_text(), re.MULTILINE))
    distributions = packages_distributions()
    files = {file for program in PROGRAMS[dockerfile] for file in files_needed(program)}
    libraries = {module.partition(".")[0] for file in files for module in imported(file)}

    missing = {
        name
        for name in libraries - sys.stdlib_module_names - {"services", "ui", "db"}
        if not {found.lower().replace("_", "-") for found in distributions[name]} & declared
    }

    assert missing == set()


@pytest.mark.parametrize("dockerfile", PROGRAMS)
def test_an_image_contains_the_contract_that_its_programs_read(dockerfile: str) -> None:
    """With its tables, unless no program reads one; .dockerignore lets them through."""
    programs = {file for program in PROGRAMS[dockerfile] for file in files_needed(program)}
    copies = re.findall(r"^COPY (.+) \S+$", (ROOT / dockerfile).read_text(), re.MULTILINE)
    copied = {source for line in copies for source in line.split()}
    let_through = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    read = [f"onnx/{name}" for name in (CONTRACT_NAME, *read_contract(ROOT / "onnx").tables)]

    if ROOT / "services/common/contract/load.py" in programs:
        assert "onnx" in copied or copied.issuperset(read)
        assert let_through.issuperset(read)


def test_every_dockerfile_is_checked() -> None:
    """A new one needs its programs named above."""
    found = {str(path.relative_to(ROOT)) for path in ROOT.glob("*/**/Dockerfile") if ".venv" not in path.parts}
    assert {name for name in found if not name.startswith(".stack")} == set(PROGRAMS)
