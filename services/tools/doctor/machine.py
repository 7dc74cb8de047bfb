"""Checks of the machine and the installation's files: Python, disk, memory, the contract, the model."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from services.common.contract.load import read_contract
from services.common.errors import Stop
from services.common.manifest import Unfinished, read_manifest
from services.scorer.compile import compile_features
from services.scorer.models.load import load_model
from services.tools.doctor.finding import Finding, fail, ok, warn

OLDEST_PYTHON = (3, 11)
MIN_MEMORY_GB = 1.0


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Iterator[Finding]:
    """Check that this Python is new enough."""
    found = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        yield fail("python", f"{found} is too old", "install 3.11 or later: make up PYTHON=python3.13")
    else:
        yield ok("python", found)


def check_disk(folder: Path, warn_gb: float) -> Iterator[Finding]:
    """Check the free space on the disk of a folder."""
    free = shutil.disk_usage(folder).free / 1e9
    text, fix = f"{free:.1f} GB free at {folder}", "free disk space, or shorten RETENTION_DAYS or retention.ms"
    if free < warn_gb / 5:
        yield fail("disk", text, fix)
    elif free < warn_gb:
        yield warn("disk", text, fix)
    else:
        yield ok("disk", text)


def check_memory(meminfo: Path = Path("/proc/meminfo")) -> Iterator[Finding]:
    """Check the available memory, where the system reports it."""
    if not meminfo.exists():
        return
    lines = dict(line.split(":", 1) for line in meminfo.read_text(encoding="utf-8").splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024 / 1e9
    text = f"{free:.1f} GB available"
    if free < MIN_MEMORY_GB:
        yield warn("memory", text, "give the broker less (KAFKA_HEAP=512m), or stop other programs")
    else:
        yield ok("memory", text)


def check_contract(folder: Path) -> Iterator[Finding]:
    """Check that the contract can be read, that its features make sense, and that it is the one of the manifest."""
    try:
        contract = read_contract(folder)
        features = compile_features(contract).names
        manifest = read_manifest(folder)
    except Unfinished:
        return  # reported by check_model()
    except Stop as error:
        yield fail("contract", str(error), "correct contract.toml; docs/contract.md has the grammar")
        return
    if contract.sha256 != manifest.contract_sha256:
        text = f"{folder}: contract and tables are not those that the manifest was written for"
        yield fail("contract", text, "restore them, or write the manifest again: docs/models.md")
    else:
        yield ok("contract", f"{contract.name}: {len(contract.fields)} fields, {len(features)} features")


def check_model(folder: Path) -> Iterator[Finding]:
    """Check that the model is that of its manifest, and scores all trial transactions."""
    try:
        manifest = load_model(folder).manifest
    except Unfinished as error:
        yield fail("model", str(error), "deploy model and manifest together, or set SCORER_MODEL_DIR")
    except Stop as error:
        yield fail("model", str(error), "restore the previous model; requirements: docs/models.md")
    else:
        yield ok("model", f"version {manifest.version}, SHA-256 {manifest.sha256[:12]}…")
