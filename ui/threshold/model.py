"""Reads from the model's manifest what the page tells of the model. Knows nothing of ONNX."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError


@dataclass(frozen=True, slots=True)
class Model:
    """The model in use: its version, and the score in [0, 1] from which a transaction is flagged."""

    version: str
    threshold: Annotated[float, Field(ge=0, le=1)]


def current_model(manifest: Path) -> Model | None:
    """Return the model the manifest names now, or None if it cannot be read: the page works without it."""
    try:
        return _read(manifest, manifest.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=2)
def _read(manifest: Path, _changed_at: int) -> Model | None:
    """Read the file once for each time it changes."""
    try:
        return TypeAdapter(Model).validate_python(json.loads(manifest.read_bytes()))
    except (ValueError, ValidationError):
        return None
