"""The contents of a contract file (contract.toml), typed. docs/contract.md is its reference.

Pure: what a feature computes is the scorer's business (services.scorer.operations); here stands how a record is read
and what its fields mean, which sender, sink and page need as well. So there is no numpy here: the sink has none.
"""

import math
from array import array
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.common.reading.values import MISSING, MISSING_NAMES, Spellings, Unit

CONTRACT_NAME = "contract.toml"

Kind = Literal["number", "integer", "coordinate", "text", "name", "time"]
NUMBERS = frozenset(("number", "integer", "coordinate"))
TEXTS = frozenset(("text", "name"))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Label(_Part):
    """The name of something in the page's languages."""

    en: str
    ru: str


class FieldSpec(_Part):
    """A field of a record."""

    type: Kind = Field(description="`name` is the text of a person's name, in which the word Null is no missing value")
    unit: Unit | None = Field(
        None,
        description="of a `time` that is a number: `s` or `ms` since 1970-01-01 UTC; a time without it is text",
    )
    required: bool = Field(False, description="a record without it is rejected; any other field may be missing")
    min: float | None = Field(None, description="a smaller number is rejected")
    max: float | None = Field(None, description="a larger number is rejected")
    personal: bool = Field(False, description="masked on the page until an analyst asks for it")
    values: tuple[str, ...] = Field((), description="the known texts, in the order of their codes")
    spellings: dict[str, tuple[str, ...]] = Field({}, description="known text -> other words for it")
    label: Label | None = Field(None, description="its name on the page, in English and Russian: `{ en, ru }`")

    @property
    def is_number(self) -> bool:
        """Whether it is a number."""
        return self.type in NUMBERS

    @property
    def is_number_in_json(self) -> bool:
        """Whether messages hold it as a number: numbers, and times with a unit."""
        return self.is_number or self.unit is not None

    @property
    def missing_words(self) -> frozenset[str]:
        """The words for "missing" in this field, without spaces around them."""
        return MISSING_NAMES if self.type == "name" else MISSING

    @cached_property
    def vocabulary(self) -> Spellings:
        """The known texts, found by any spelling."""
        return Spellings(self.values, [(word, value) for value, words in self.spellings.items() for word in words])

    @cached_property
    def codes(self) -> dict[str | None, float]:
        """Known text -> its place in `values`."""
        return {value: float(code) for code, value in enumerate(self.values)}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.min is not None or self.max is not None) and not self.is_number:
            raise ValueError(f"min and max are for numbers, the type is {self.type}")
        if (self.values or self.spellings) and self.type not in TEXTS:
            raise ValueError(f"values and spellings are for texts, the type is {self.type}")
        if self.unit is not None and self.type != "time":
            raise ValueError(f"unit is for times, the type is {self.type}")
        if unknown := self.spellings.keys() - set(self.values):
            raise ValueError(f"spellings of {', '.join(sorted(unknown))}, which values does not have")
        return self


def _from_type(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


class RecordSpec(_Part):
    """Where a record's id, fields, time and key are."""

    id: str = Field("transaction_id", min_length=1, description="the text that identifies a record; made if missing")
    payload: str = Field("data", min_length=1, description="the object of the fields; they may stand at the top too")
    event_time: str | None = Field(None, description="the field of the event time, a local time")
    key: tuple[str, ...] = Field((), description="the fields, joined by |, whose past counts: the Kafka key")


class Roles(_Part):
    """Which fields mart and page show, and as what."""

    amount: str | None = None
    category: str | None = None
    merchant: str | None = None
    state: str | None = None
    city: str | None = None


class ModelSpec(_Part):
    """How the ONNX model is asked."""

    input: Literal["matrix", "columns"] = Field(
        "matrix", description="one tensor of all features, or `columns`: one a feature, matched by name"
    )
    output: str | None = Field(None, description="name of the output; the last one by default")
    positive: int | str | None = Field(
        None,
        description="the class that is fraud: its label, or the column's place from 0 if the model names no classes;"
        " the last of two by default",
    )


class Axis(_Part):
    """An axis of a look-up table: texts, or bins of a number. One place more than these: any other, or the last bin."""

    values: tuple[str, ...] = ()
    edges: tuple[float, ...] = Field((), description="ascending; an edge belongs to the bin below")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.values) == bool(self.edges):
            raise ValueError("an axis has either values or edges")
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("edges must be ascending")
        return self

    @property
    def places(self) -> int:
        """Number of places."""
        return len(self.values or self.edges) + 1

    @cached_property
    def bounds(self) -> "array[float]":
        """The edges, float64 [edges]."""
        return array("d", self.edges)

    @cached_property
    def vocabulary(self) -> Spellings:
        """The texts, found by any spelling."""
        return Spellings(self.values)

    @cached_property
    def codes(self) -> dict[str | None, float]:
        """Text -> its place."""
        return {value: float(code) for code, value in enumerate(self.values)}


class LookupTable(_Part):
    """A table of numbers in a file of its own, addressed by several fields; the last axis varies fastest."""

    axes: tuple[Axis, ...] = Field(min_length=1)
    values: tuple[float, ...]

    @cached_property
    def numbers(self) -> "array[float]":
        """The values, float32 [product of the axes' places]."""
        return array("f", self.values)

    @model_validator(mode="after")
    def _check(self) -> Self:
        cells = math.prod(axis.places for axis in self.axes)
        if len(self.values) != cells:
            raise ValueError(f"{len(self.values)} values, the axes have {cells} cells")
        return self


class Contract(_Part):
    """A contract file and the look-up tables that it names."""

    format: Literal[1] = Field(description="version of this grammar")
    name: str = Field(min_length=1, max_length=64)
    record: RecordSpec = RecordSpec()
    fields: dict[str, Annotated[FieldSpec, BeforeValidator(_from_type)]] = Field(min_length=1)
    roles: Roles = Roles()
    derived: dict[str, Any] = Field({}, description="numbers made of fields")
    features: dict[str, Any] = Field(min_length=1, description="the model's columns, in their order")
    model: ModelSpec = ModelSpec()
    tables: dict[str, LookupTable] = Field({}, exclude=True, description="file name -> table; read by load.py")
    sha256: str = Field("", exclude=True, description="of the file and its tables")

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The fields that every record must have, in the order of the file."""
        return tuple(name for name, spec in self.fields.items() if spec.required or name == self.record.event_time)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The fields that are numbers."""
        return frozenset(name for name, spec in self.fields.items() if spec.is_number)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        record = self.record
        if record.id == record.payload:
            raise ValueError(f"record.id: {record.id} is the payload too")
        if record.event_time is not None:
            self._check_field("record.event_time", record.event_time, frozenset(("time",)))
        for name in record.key:
            self._check_field("record.key", name, TEXTS)
        if record.key and record.event_time is None:
            raise ValueError("record.key: a past needs times, and record.event_time is missing")
        for role, name in self.roles:
            if name is not None:
                self._check_field(f"roles.{role}", name, NUMBERS if role == "amount" else TEXTS)
        if double := self.derived.keys() & self.fields.keys():
            raise ValueError(f"derived.{min(double)}: there is a field of this name")
        return self

    def _check_field(self, place: str, name: str, kinds: frozenset[str]) -> None:
        spec = self.fields.get(name)
        if spec is None:
            raise ValueError(f"{place}: there is no field {name}")
        if spec.type not in kinds:
            raise ValueError(f"{place}: {name} is of the type {spec.type}, it must be {' or '.join(sorted(kinds))}")
