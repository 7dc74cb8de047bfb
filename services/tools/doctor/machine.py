"""The machine and the files of the installation: Python, disk, memory, the model. Knows no server."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from services.common.errors import Stop
from services.common.manifest import Unfinished
from services.scorer.models.load import load_model
from services.tools.doctor.finding import Finding, fail, ok, warn

OLDEST_PYTHON = (3, 11)
LITTLE_MEMORY_GB = 1.0


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Iterator[Finding]:
    """Say whether this Python is new enough."""
    said = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        yield fail("python", f"{said} is too old", "install 3.11 or later: make up PYTHON=python3.13")
    else:
        yield ok("python", said)


def check_disk(folder: Path, little_gb: float) -> Iterator[Finding]:
    """Say whether there is room on the disk of a folder."""
    free = shutil.disk_usage(folder).free / 1e9
    text, cure = f"{free:.1f} GB free at {folder}", "make room, or keep fewer days: RETENTION_DAYS, retention.ms"
    if free < little_gb / 5:
        yield fail("disk", text, cure)
    elif free < little_gb:
        yield warn("disk", text, cure)
    else:
        yield ok("disk", text)


def check_memory(meminfo: Path = Path("/proc/meminfo")) -> Iterator[Finding]:
    """Say whether there is memory to spare, where the system tells it."""
    if not meminfo.exists():
        return
    lines = dict(line.split(":", 1) for line in meminfo.read_text(encoding="utf-8").splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024 / 1e9
    text = f"{free:.1f} GB available"
    if free < LITTLE_MEMORY_GB:
        yield warn("memory", text, "give the broker less: KAFKA_HEAP=512m; or end what else runs")
    else:
        yield ok("memory", text)


def check_model(folder: Path) -> Iterator[Finding]:
    """Say whether the model is what its manifest tells of, and can score what transactions may hold."""
    try:
        manifest = load_model(folder).manifest
    except Unfinished as error:
        yield fail("model", str(error), "deploy model and manifest together, or set SCORER_MODEL_DIR")
    except Stop as error:
        yield fail("model", str(error), "go back to the model before; what one must be: docs/models.md")
    else:
        yield ok("model", f"version {manifest.version}, SHA-256 {manifest.sha256[:12]}…")
