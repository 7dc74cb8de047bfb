"""The files beside the ONNX file: the manifest (version, input, threshold, figures) and the validation curve.

Everybody reads them here.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, Self, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from services.common.errors import Stop

MANIFEST_NAME = "manifest.json"
CURVE_NAME = "curve.json"

_Contents = TypeVar("_Contents", bound=BaseModel)


class Unfinished(Stop):
    """Files of a model are missing or do not belong together; they may still be being copied."""


class Distribution(BaseModel):
    """A distribution in the training data by the hour of the day, which drift is measured against."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edges: tuple[float, ...] = Field((), description="of numbers, ascending; an edge belongs to the bin above")
    values: tuple[str, ...] = Field((), description="of texts: a bin each, and one for all others")
    counts: tuple[tuple[int, ...], ...] = Field(description="transactions by hour and bin, [24][bins]")


class Calibration(BaseModel):
    """Makes a probability of a score s: 1 / (1 + exp(-(a ln s - b ln(1 - s) + c))), see services.common.calibration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    a: FiniteFloat = Field(ge=0)
    b: FiniteFloat = Field(ge=0)
    c: FiniteFloat


class GoldenRow(BaseModel):
    """A transaction with its features and score, which code and model must reproduce."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transaction: dict[str, Any]
    features: tuple[float | str | None, ...] = Field(description="None stands for NaN, of a text for an empty one")
    score: float = Field(ge=0, le=1)


class Manifest(BaseModel):
    """The contents of manifest.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(min_length=1, max_length=64)
    model_file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="file name beside the manifest")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the model file's bytes")
    threshold: float = Field(gt=0, lt=1, description="fraud_flag = 1 where score >= threshold")
    contract_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the contract and its look-up tables")
    references: dict[str, float | str | None] = Field(
        default_factory=dict, description="feature -> its usual value, for reasons; missing or None: as in golden rows"
    )
    distributions: dict[str, Distribution] = Field(
        default_factory=dict, description="of the scores and some features in the training data"
    )
    calibration: Calibration | None = Field(
        None, description="score -> probability of fraud, for figures of the page; flags do not use it"
    )
    figures: dict[str, Any] = Field(default_factory=dict, description="quality of the model and how it was measured")
    golden: tuple[GoldenRow, ...] = Field(min_length=1)


class Curve(BaseModel):
    """The contents of curve.json: the effect of each threshold on labelled transactions that the model did not see.

    `thresholds`, `alerts` and `caught` have the same length.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    version: str = Field(description="of the model")
    transactions: int = Field(ge=1, alias="payments")
    frauds: int = Field(ge=1)
    thresholds: tuple[FiniteFloat, ...] = Field(min_length=1)
    alerts: tuple[int, ...]
    caught: tuple[int, ...] = Field(description="frauds among the alerts")

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        if len({len(column) for column in (self.thresholds, self.alerts, self.caught)}) != 1:
            raise ValueError("the columns of a curve must have the same length")
        return self


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
    return _current(path, Manifest)


def current_curve(path: Path) -> Curve | None:
    """Return the curve that a file holds now, None if it cannot be read; parsed once for each change of the file."""
    return _current(path, Curve)


def _current(path: Path, kind: type[_Contents]) -> _Contents | None:
    try:
        found = _parsed(path, path.stat().st_mtime_ns, kind)
    except OSError:
        return None
    return found if isinstance(found, kind) else None


@lru_cache(maxsize=4)
def _parsed(path: Path, _changed_at: int, kind: type[BaseModel]) -> BaseModel | None:
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError:
        return None
