"""Records that show a reader what the fields hold: golden rows of the model, without anything personal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.common.contract.model import Contract, FieldSpec
from services.common.manifest import GoldenRow, current_manifest
from services.common.reading.values import read_epoch

INVENTED = "Example"
"""Stands for a personal text: golden rows may be real people's."""


def example(contract: Contract, manifest: Path) -> dict[str, str]:
    """Return the first golden row as text by field; empty texts without a manifest."""
    found = current_manifest(manifest)
    return _texts(contract, found.golden[0] if found else None)


def flagged_example(contract: Contract, manifest: Path) -> dict[str, str] | None:
    """Return the golden row with the highest score, None if the model does not flag it or there is no manifest."""
    found = current_manifest(manifest)
    if found is None:
        return None
    worst = max(found.golden, key=lambda row: row.score)
    return _texts(contract, worst) if worst.score >= found.threshold else None


def _texts(contract: Contract, row: GoldenRow | None) -> dict[str, str]:
    values: Mapping[str, Any] = row.transaction if row else {}
    return {field: _text(spec, values.get(field)) for field, spec in contract.fields.items()}


def _text(spec: FieldSpec, value: Any) -> str:
    if value is None:
        return ""
    if spec.personal:
        return "" if spec.is_number or spec.type == "time" else next(iter(spec.values), INVENTED)
    if spec.unit:
        return read_epoch(value, spec.unit).text
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
