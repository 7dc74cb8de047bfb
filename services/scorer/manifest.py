"""The manifest beside the ONNX file: what the model is, what it wants and how it was judged. Knows no ONNX."""

from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.common.errors import Stop
from services.common.values import Spellings

MANIFEST_NAME = "manifest.json"


class Unfinished(Stop):
    """Files of a model that do not belong together, or are not there: they may still be being written."""


class RiskTable(BaseModel):
    """How likely a payment is a fraud by itself: a coarse look-up that the history sums up over a customer's past."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amounts: tuple[float, ...] = Field(description="ascending edges of the amounts' bins")
    risks: tuple[float, ...] = Field(description="by category of the recipe and then any other, day and night, bin")

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """The edges of the amounts' bins, float64."""
        return np.array(self.amounts, np.float64)

    @cached_property
    def table(self) -> NDArray[np.float32]:
        """The risks, float32."""
        return np.array(self.risks, np.float32)


class Recipe(BaseModel):
    """How a transaction becomes the model's input: the features in their order, and their constants."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[str, ...] = Field(min_length=1, description="names of services.scorer.features, in column order")
    categories: tuple[str, ...] = Field(min_length=1, description="cat_id values; a category's code is its place")
    risk: RiskTable | None = Field(None, description="what features of a customer's past risk are made of")

    @cached_property
    def codes(self) -> dict[str | None, float]:
        """The code of each category."""
        return {category: float(code) for code, category in enumerate(self.categories)}

    @cached_property
    def spellings(self) -> Spellings:
        """The categories, and how they are told by other spellings."""
        return Spellings(self.categories)

    @model_validator(mode="after")
    def _check_risk_table(self) -> Self:
        if self.risk and len(self.risk.risks) != (len(self.categories) + 1) * 2 * (len(self.risk.amounts) + 1):
            raise ValueError("the risk table needs a risk for each category and any other, day and night, and bin")
        return self


class Distribution(BaseModel):
    """How something is distributed over the training data, by the hour of the day: what drift is measured against."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edges: tuple[float, ...] = Field((), description="of numbers, ascending; an edge belongs to the bin above it")
    values: tuple[str, ...] = Field((), description="of texts: a bin each, and a last one for all others")
    counts: tuple[tuple[int, ...], ...] = Field(description="payments of each hour in each bin, [24][bins]")


class GoldenRow(BaseModel):
    """A transaction whose features and score are known: the check that data, code and model still fit."""

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
    recipe: Recipe
    references: dict[str, float | None] = Field(
        default_factory=dict, description="feature -> its usual value, which reasons compare with; none or None: NaN"
    )
    distributions: dict[str, Distribution] = Field(
        default_factory=dict, description="of the scores and of main features over the training data"
    )
    figures: dict[str, Any] = Field(default_factory=dict, description="how good the model is, and how that was got")
    golden: tuple[GoldenRow, ...] = Field(min_length=1)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a model folder.

    Raises:
        Unfinished: there is none, or it does not have the fields it must.
    """
    path = folder / MANIFEST_NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise Unfinished(f"no model manifest at {path}: {error.strerror}") from error
    except ValidationError as error:
        raise Unfinished(f"{path} is not a model manifest: {error}") from error
