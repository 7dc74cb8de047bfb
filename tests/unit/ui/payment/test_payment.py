"""The message of a single transaction, and the form that the contract makes."""

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from services.common.contract.load import to_contract
from services.common.contract.model import Contract
from services.common.process import StopSignal
from services.common.settings import project_root
from services.sender.report import BadRow
from tests.support.other_contracts import CLICKS, LOANS, SHIPPED, TERMINALS
from ui.examples import INVENTED, example, flagged_example
from ui.login.access import Access
from ui.payment import payment
from ui.payment.payment import Answer, SentTransaction
from ui.payment.tab import Examples, PaymentForm, in_order_of_weight, labels
from ui.shell.frame import Frame
from ui.shell.page_state import PageState
from ui.shell.texts import ENGLISH, RUSSIAN, Texts

MANIFEST = project_root() / "onnx/manifest.json"
USUAL = example(SHIPPED, MANIFEST) | {"transaction_time": "2020-06-21 22:14"}

APPLICATIONS = to_contract(
    {
        "format": 1,
        "name": "applications",
        "record": {"id": "application", "payload": "of"},
        "fields": {
            "Loan purpose": {"type": "text", "required": True, "values": ("new home", "car")},
            "term": {"type": "integer", "min": 6, "label": {"en": "Term", "ru": "Срок"}},
            "passport": {"type": "text", "personal": True},
            "income": {"type": "number", "personal": True},
            "sex": {"type": "text", "values": ("f", "m"), "personal": True},
        },
        "features": {"term": "term"},
    }
)


def written(folder: Path, *rows: tuple[dict[str, Any], float]) -> Path:
    """Return a manifest with these golden rows and scores."""
    golden = [{"transaction": fields, "features": [], "score": score} for fields, score in rows]
    content = json.loads(MANIFEST.read_bytes()) | {"golden": golden, "threshold": 0.5}
    path = folder / "manifest.json"
    path.write_text(json.dumps(content))
    return path


def form(contract: Contract, examples: Examples, texts: Texts) -> tuple[PaymentForm, dict[str, Any]]:
    """Return the tab without servers, and its components by elem_id."""
    nothing: Any = None
    with gr.Blocks() as blocks:
        with gr.Tabs() as tabs, gr.Tab("form") as tab:
            frame = Frame(texts, blocks, gr.Number(0), PageState(), tabs, tab)
        placed = PaymentForm(frame, nothing, Access({}), nothing, contract, examples, StopSignal())
        placed.wire()
    return placed, {block.elem_id: block for block in blocks.blocks.values() if getattr(block, "elem_id", None)}


def test_the_form_begins_with_a_transaction_that_can_be_sent() -> None:
    """A golden row at the present time is a complete transaction, keyed by its customer; each has an id of its own."""
    values = USUAL | {"transaction_time": payment.time_now(180)}
    first, second = payment.compose(values, SHIPPED), payment.compose(values, SHIPPED)
    sent = json.loads(first.value)
    assert list(sent["data"]) == list(SHIPPED.fields)
    assert first.key == b"Example|Example|Example"
    assert sent["transaction_id"] == first.transaction_id != second.transaction_id
    assert (sent["data"]["post_code"], sent["data"]["lat"], sent["data"]["amount"]) == (12345, 32.1, 104.5)
    comma = payment.compose(values | {"amount": " 1995,5 "}, SHIPPED)
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
        (dict.fromkeys(SHIPPED.fields, ""), "transaction_time"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, str], field: str) -> None:
    """Nothing is sent; the page says which field."""
    with pytest.raises(BadRow) as caught:
        payment.compose(USUAL | changes, SHIPPED)
    assert caught.value.field == field


def test_optional_fields_may_be_empty() -> None:
    """Without a name there is no key, and so no history."""
    values = {"transaction_time": "2020-06-21 22:14", "amount": "1", "cat_id": "Home"}
    message = payment.compose(values, SHIPPED)
    assert message.key is None
    data = json.loads(message.value)["data"]
    assert (data["name_1"], data["cat_id"]) == (None, "home")


def test_a_record_of_another_contract_is_sent_in_its_form() -> None:
    """Its names, its kinds, no key."""
    message = payment.compose({"Loan purpose": "New-Home", "term": "120"}, APPLICATIONS)
    sent = json.loads(message.value)
    assert message.key is None
    assert list(sent) == ["application", "of"]
    assert sent["application"] == message.transaction_id
    assert sent["of"] == {"Loan purpose": "new home", "term": 120, "passport": None, "income": None, "sex": None}
    with pytest.raises(BadRow) as caught:
        payment.compose({"Loan purpose": "car", "term": "5"}, APPLICATIONS)
    assert caught.value.field == "term"


def test_the_suspicious_example_is_one_that_the_model_flags(tmp_path: Path) -> None:
    """The worst of the golden rows; none if the model flags none of them, or its manifest cannot be read."""
    flagged = flagged_example(SHIPPED, MANIFEST)
    assert flagged
    assert flagged["amount"] == "311.25"
    calm, bad = {"term": 7, "Loan purpose": "car"}, {"term": 8.0, "Loan purpose": "car"}
    assert (flagged_example(APPLICATIONS, written(tmp_path, (calm, 0.1), (bad, 0.6))) or {})["term"] == "8"
    assert flagged_example(APPLICATIONS, written(tmp_path, (calm, 0.1), (bad, 0.49))) is None
    assert flagged_example(APPLICATIONS, tmp_path / "none") is None


def test_a_time_that_is_a_number_is_shown_as_a_time(tmp_path: Path) -> None:
    """As the form takes it back."""
    shown = example(CLICKS, written(tmp_path, ({"at": 1_600_000_000_999, "user": "ada"}, 0.1)))
    assert (shown["at"], shown["born"]) == ("2020-09-13 12:26:40", "")


def test_nothing_personal_of_a_golden_row_is_shown(tmp_path: Path) -> None:
    """They may be rows of real people; the example stays one that can be sent."""
    row = {"Loan purpose": "car", "term": None, "passport": "4510 123456", "income": 5000, "sex": "m"}
    found = example(APPLICATIONS, written(tmp_path, (row, 0.9)))
    assert found == {"Loan purpose": "car", "term": "", "passport": INVENTED, "income": "", "sex": "f"}
    assert payment.compose(found, APPLICATIONS)
    assert set(example(APPLICATIONS, tmp_path / "none").values()) == {""}


@pytest.mark.parametrize(
    ("contract", "first"),
    [
        (SHIPPED, ("transaction_time", "merch", "cat_id", "amount", "name_1", "name_2", "street")),
        (TERMINALS, ("TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT")),
        (LOANS, ("purpose",)),
        (APPLICATIONS, ("Loan purpose",)),
    ],
    ids=lambda value: value.name if isinstance(value, Contract) else "",
)
def test_what_matters_stands_first(contract: Contract, first: tuple[str, ...]) -> None:
    """What is required, whose past counts, and what the page shows; every field is in one of the two parts."""
    shown, others = in_order_of_weight(contract)
    assert shown == first
    assert sorted(shown + others) == sorted(contract.fields)


@pytest.mark.parametrize("texts", [RUSSIAN, ENGLISH], ids=["ru", "en"])
def test_the_form_is_made_of_the_contract(texts: Texts) -> None:
    """Labels, required marks, choices and first values; nothing of a time or a history where there is none."""
    usual = {"Loan purpose": "car", "term": "120", "passport": INVENTED, "income": "", "sex": ""}
    placed, blocks = form(APPLICATIONS, Examples(usual, None), texts)
    purpose, term, sex = blocks["pay-0"], blocks["pay-term"], blocks["pay-sex"]
    assert (purpose.label, purpose.value) == ("Loan purpose *", "car")
    assert [choice for choice, _ in purpose.choices] == ["car", "new home"]
    assert (term.label, term.value) == ({"ru": "Срок", "en": "Term"}[texts.language], "120")
    assert sex.value is None
    assert not blocks["suspicious"].visible
    sent = SentTransaction("a-1", 5)
    assert "a-1" in placed._answered(Answer(None, 20_000), sent)[0]


def test_the_time_is_the_readers_and_needs_no_mark() -> None:
    """An empty one is now, so that nobody has to fill it in."""
    examples = Examples(USUAL, flagged_example(SHIPPED, MANIFEST))
    placed, blocks = form(SHIPPED, examples, RUSSIAN)
    assert (blocks["pay-transaction_time"].label, blocks["pay-transaction_time"].value) == ("Время", "")
    assert blocks["pay-amount"].label == "Сумма *"
    filled = dict(zip(SHIPPED.fields, placed.suspicious(0), strict=True))
    assert filled["transaction_time"] == f"{payment.time_now(-24 * 60)[:10]} 01:44"
    assert payment.compose(filled, SHIPPED)


def test_a_field_without_a_label_has_its_own_name() -> None:
    """In both languages."""
    assert labels(APPLICATIONS, "ru") == {
        "Loan purpose": "Loan purpose", "term": "Срок", "passport": "passport", "income": "income", "sex": "sex",
    }  # fmt: skip
