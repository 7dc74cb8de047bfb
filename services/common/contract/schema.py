"""The JSON Schema of a contract's messages: what a producer of the input topic should write. Pure.

Draft 2020-12 (JSON Schema Core and Validation, https://json-schema.org/draft/2020-12). What a schema can say, a message
that follows it is not rejected for; a day that no calendar has is beyond it. The services read more than this: numbers
as text, words for "missing", other forms of a time.
"""

from typing import Any

from services.common.contract.ids import ID_MAX_CHARACTERS
from services.common.contract.model import Contract, FieldSpec
from services.common.reading.values import LAST_SECOND, UNITS_A_SECOND

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TIME_PATTERN = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2})?$"
NO_NUL = r"^[^\u0000]*$"
"""Neither Kafka's headers nor PostgreSQL's text take a NUL character in an id."""


def message_schema(contract: Contract) -> dict[str, Any]:
    """Return the JSON Schema of the input topic's messages: the fields in the payload object, or beside the id."""
    record = contract.record
    key = f" The Kafka key: {'|'.join(record.key)}." if record.key else ""
    fields = {
        "type": "object",
        "properties": {name: _field(name, spec, contract) for name, spec in contract.fields.items()},
        "required": list(contract.required),
    }
    transaction_id = {
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": ID_MAX_CHARACTERS,
        "pattern": NO_NUL,
        "description": "made from the record's position if it is missing",
    }
    return {
        "$schema": DRAFT,
        "title": contract.name,
        "description": f"A message of the input topic.{key}",
        "type": "object",
        "properties": {record.id: transaction_id},
        "if": {"required": [record.payload]},
        "then": {"properties": {record.payload: {"$ref": "#/$defs/fields"}}},
        "else": {"$ref": "#/$defs/fields"},
        "$defs": {"fields": fields},
    }


def _field(name: str, spec: FieldSpec, contract: Contract) -> dict[str, Any]:
    required = name in contract.required
    kind = "number" if spec.is_number_in_json else "string"
    schema: dict[str, Any] = {"type": kind if required else [kind, "null"]}
    if spec.label:
        schema["title"] = spec.label.en
    limits = {"minimum": spec.min, "maximum": spec.max}
    schema |= {keyword: limit for keyword, limit in limits.items() if limit is not None}
    if spec.unit:
        behind = (LAST_SECOND + 1) * UNITS_A_SECOND[spec.unit]
        schema |= {"description": f"in {spec.unit} since 1970-01-01 UTC", "minimum": 0, "exclusiveMaximum": behind}
    elif spec.type == "time":
        schema["pattern"] = TIME_PATTERN
    elif required and not spec.is_number:
        schema["not"] = {"enum": sorted(spec.missing_words)}
    if spec.values:
        schema["examples"] = list(spec.values)
    return schema
