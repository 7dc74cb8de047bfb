"""The manifest beside the ONNX file: the model's version, threshold and figures. Everybody reads it here."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.common.errors import Stop

MANIFEST_NAME = "manifest.json"


class Unfinished(Stop):
    """Files of a model are missing or do not belong together; they may still be being copied."""


class Distribution(BaseModel):
    """A distribution in the training data by the hour of the day, which drift is measured against."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edges: tuple[float, ...] = Field((), description="of numbers, ascending; an edge belongs to the bin above")
    values: tuple[str, ...] = Field((), description="of texts: a bin each, and one for all others")
    counts: tuple[tuple[int, ...], ...] = Field(description="transactions by hour and bin, [24][bins]")


class GoldenRow(BaseModel):
    """A transaction with its features and score, which code and model must reproduce."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transaction: dict[str, Any]
    features: tuple[float | None, ...] = Field(description="None stands for NaN")
    score: float = Field(ge=0, le=1)


class Manifest(BaseModel):
    """The contents of manifest.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(min_length=1, max_length=64)
    model_file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="file name beside the manifest")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the model file's bytes")
    threshold: float = Field(gt=0, lt=1, description="fraud_flag = 1 where score >= threshold")
    contract_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the contract and its look-up tables")
    references: dict[str, float | None] = Field(
        default_factory=dict, description="feature -> its usual value, for reasons; missing or None: NaN"
    )
    distributions: dict[str, Distribution] = Field(
        default_factory=dict, description="of the scores and some features in the training data"
    )
    figures: dict[str, Any] = Field(default_factory=dict, description="quality of the model and how it was measured")
    golden: tuple[GoldenRow, ...] = Field(min_length=1)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a model folder.

    Raises:
        Unfinished: there is none, or it is not a valid one.
    """
    path = folder / MANIFEST_NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise Unfinished(f"no model manifest at {path}: {error.strerror}") from error
    except ValidationError as error:
        raise Unfinished(f"{path} is not a model manifest: {error}") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest to a folder."""
    content = orjson.dumps(manifest.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
    (folder / MANIFEST_NAME).write_bytes(content + b"\n")


def current_manifest(path: Path) -> Manifest | None:
    """Return the manifest that a file holds now, None if it cannot be read; parsed once for each change of the file."""
    try:
        return _parsed(path, path.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=2)
def _parsed(path: Path, _changed_at: int) -> Manifest | None:
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError:
        return None
