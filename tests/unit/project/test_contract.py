"""The contract file: its reference is up to date, and nothing of the product names a field that only it should name."""

import re

from services.common.contract.load import read_contract
from services.common.settings import project_root
from stack.contract_table import markdown

WORDS = {"amount", "gender", "jobs", "lat", "lon", "street"}
"""Fields whose names are words that code needs for other things."""


def test_the_reference_of_the_contract_is_up_to_date() -> None:
    """`python -m stack.contract_table` writes it; it was run after the last change."""
    assert (project_root() / "docs/contract.md").read_text(encoding="utf-8") == markdown()


def test_no_field_of_cards_is_named_in_the_product() -> None:
    """What differs between models stands in their contracts: docs/decisions/0045."""
    root = project_root()
    names = read_contract(root / "onnx").fields.keys() - WORDS
    known = re.compile(rf"\b({'|'.join(sorted(names))})\b")
    files = [path for folder in ("services", "ui", "stack", "db") for path in (root / folder).rglob("*.py")]
    found = [
        f"{path.relative_to(root)}:{number}: {name}"
        for path in files
        if "simulator" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for name in known.findall(line)
    ]
    assert len(names) == 11
    assert len(files) > 200
    assert not found, "\n".join(found)
