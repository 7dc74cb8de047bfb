"""The message of a single transaction."""

import json
from pathlib import Path

import pytest

from services.common.contract.cards import FIELDS
from services.common.settings import project_root
from services.sender.report import BadRow
from services.sender.rows import read_categories
from ui.payment import payment
from ui.payment.tab import FIRST
from ui.payment.texts import PAYMENT_TEXTS


def test_the_form_begins_with_a_transaction_that_can_be_sent() -> None:
    """The defaults at the present time are a complete transaction, keyed by its customer; each has an id of its own."""
    values = payment.DEFAULTS | {"transaction_time": payment.time_now(180)}
    first, second = payment.compose(values), payment.compose(values)
    sent = json.loads(first.value)
    assert set(payment.DEFAULTS) == set(sent["data"]) == set(FIELDS)
    assert set(FIRST) < set(FIELDS)
    assert all(set(texts.fields) == set(FIELDS) for texts in PAYMENT_TEXTS.values())
    assert first.key == b"Maria|Example|1 Example Street"
    assert sent["transaction_id"] == first.transaction_id != second.transaction_id
    assert (sent["data"]["post_code"], sent["data"]["lat"]) == (62701, 39.7817)
    comma = payment.compose(values | {"amount": " 1995,5 "})
    assert json.loads(comma.value)["data"]["amount"] == 1995.5


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "much"}, "amount"),
        ({"amount": "1e13"}, "amount"),
        ({"transaction_time": "yesterday"}, "transaction_time"),
        ({"post_code": "1.5"}, "post_code"),
        ({"lat": "north"}, "lat"),
        ({"amount": "1,045"}, "amount"),
        ({"amount": "NULL"}, "amount"),
        (dict.fromkeys(FIELDS, ""), "transaction_time"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, str], field: str) -> None:
    """Nothing is sent; the page says which field."""
    with pytest.raises(BadRow) as caught:
        payment.compose(payment.DEFAULTS | {"transaction_time": "2020-06-21 22:14"} | changes)
    assert caught.value.field == field


def test_optional_fields_may_be_empty() -> None:
    """Without a name there is no key, and so no history."""
    values = {"transaction_time": "2020-06-21 22:14", "amount": "1", "cat_id": "home"}
    message = payment.compose(values)
    assert message.key is None
    assert json.loads(message.value)["data"]["name_1"] is None


def test_the_categories_are_the_models(tmp_path: Path) -> None:
    """And none where there is no manifest that can be read."""
    shipped = read_categories(project_root() / "onnx/manifest.json")
    assert payment.DEFAULTS["cat_id"] in shipped
    assert payment.SUSPICIOUS["cat_id"] in shipped
    assert read_categories(tmp_path / "nowhere") == ()
    (tmp_path / "manifest.json").write_text('{"version": "v", "threshold": 0.5}')
    assert read_categories(tmp_path / "manifest.json") == ()
