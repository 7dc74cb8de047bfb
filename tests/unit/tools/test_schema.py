"""The JSON Schema of the input topic: follows the contract, and what follows it is read."""

import json
import re
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from services.common.contract.model import Contract
from services.common.contract.schema import message_schema
from services.common.reading.message import FieldReader
from services.common.settings import project_root
from services.tools.schema.__main__ import main
from tests.support.messages import TRANSACTION, flat, keyed, nested
from tests.support.other_contracts import CLICKS, LOANS, SHIPPED, TERMINALS

SAMPLE = project_root() / "services" / "simulator" / "sample.csv"


def follows(message: Any, contract: Contract = SHIPPED) -> bool:
    valid: bool = Draft202012Validator(message_schema(contract)).is_valid(message)
    return valid


def is_read(value: bytes, contract: Contract = SHIPPED) -> bool:
    """Whether the services can read a message."""
    optional = [name for name in contract.fields if name not in contract.required]
    reader = FieldReader(contract, contract.required, optional)
    return not reader.read([value], str).rejects


@pytest.mark.parametrize("contract", [SHIPPED, TERMINALS, LOANS, CLICKS], ids=lambda contract: contract.name)
def test_the_schema_is_one(contract: Contract) -> None:
    """By the meta-schema of its draft."""
    Draft202012Validator.check_schema(message_schema(contract))


def test_messages_of_the_sample_follow_it() -> None:
    """Both forms, with an id and without."""
    messages = [value for _, value in keyed(SAMPLE, 2_000)]
    messages += [nested("a"), flat("a"), nested(None), flat(None), nested("a", merch=None)]

    assert len(messages) == 2_005
    assert all(follows(orjson.loads(value)) for value in messages)


def test_the_forms_of_the_readme_follow_it() -> None:
    """With the fields where README.md writes how many there are."""
    fields = json.dumps(TRANSACTION)[1:-1]
    readme = (project_root() / "README.md").read_text(encoding="utf-8")
    forms = re.findall(r"`([{][^`]*17 fields[}]+)`", readme)

    assert len(forms) == 2
    for form in forms:
        message = json.loads(form.replace("17 fields", fields))
        assert follows(message)
        assert is_read(orjson.dumps(message))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": None}, {"amount": "many"}, {"amount": 1e13}, {"cat_id": None}, {"cat_id": ""}, {"cat_id": "null"},
        {"merch": 7}, {"lat": True}, {"jobs": ["x"]},
    ],
    ids=str,
)  # fmt: skip
def test_what_the_scorer_rejects_does_not_follow_it(wrong: dict[str, Any]) -> None:
    """A required field that is missing, a wrong type, a number beyond the limits."""
    assert not follows(orjson.loads(nested("a", **wrong)))
    assert not follows(orjson.loads(flat("a", **wrong)))


@pytest.mark.parametrize(
    "message", [{"transaction_id": "a", "data": 1}, {"transaction_id": ""}, {"transaction_id": "a" * 129}, [], {}, 7]
)
def test_what_is_no_message_does_not_follow_it(message: Any) -> None:
    """Neither form, or no id that a record may have."""
    assert not follows(message)


def test_a_contract_without_required_fields_takes_any_object() -> None:
    """As the services do: every field may be missing, but not of another type."""
    assert follows({}, LOANS)
    assert is_read(b"{}", LOANS)
    assert follows({"transaction_id": "x", "data": {"income": None, "purpose": "boat"}}, LOANS)
    assert not follows({"income": "much"}, LOANS)
    assert not follows({"TX_AMOUNT": 5}, TERMINALS)


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a folder; without a contract there, one line says so."""
    assert main([str(project_root() / "onnx")]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(message_schema(SHIPPED)))
    assert main([str(project_root() / "docs")]) == 1
    assert capsys.readouterr().err.startswith("schema: ")
