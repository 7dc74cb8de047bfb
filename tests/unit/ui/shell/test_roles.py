"""What the page shows of a transaction by the contract: columns, labels, masking."""

from dataclasses import dataclass
from datetime import datetime

import pytest

from services.common.contract.model import FieldSpec
from tests.support.other_contracts import LOANS, SHIPPED, TERMINALS
from ui.shell.render import MASK, customer_name, transaction_cells, transaction_heads
from ui.shell.roles import with_roles
from ui.shell.texts import ENGLISH, RUSSIAN

NAME = FieldSpec(type="name", personal=True)
SECRET = FieldSpec(type="text", personal=True)
OPEN = FieldSpec(type="text")


@dataclass
class Row:
    """A transaction."""

    event_time: datetime | None = datetime(2020, 6, 21, 22, 14)
    amount: float | None = 0.0
    category: str | None = "home"
    merchant: str | None = "fraud_Y"
    state: str | None = None


def test_columns_are_the_roles_by_their_labels() -> None:
    """A role whose field has no label is called by the role's own word; a missing role has no column."""
    shipped, terminals, loans = (with_roles(RUSSIAN, one) for one in (SHIPPED, TERMINALS, LOANS))

    assert [*shipped.columns] == ["time", "amount", "category", "merchant", "state", "city", "customer"]
    assert terminals.columns == {"time": "Время", "amount": "Сумма", "merchant": "Терминал", "customer": "Клиент"}
    assert loans.columns == {"category": "Цель"}
    assert with_roles(ENGLISH, TERMINALS).columns["merchant"] == "Terminal"
    assert [name for name, _ in transaction_heads(terminals)] == ["Время", "Сумма", "Терминал"]
    assert transaction_cells(Row(), terminals) == ("21.06.2020 22:14", "0,00", "Y")
    assert transaction_cells(Row(category=None), loans) == ("—",)
    assert transaction_heads(shipped, without=("state",)) == transaction_heads(shipped)[:-1]


def test_personal_roles_are_masked_until_asked_for() -> None:
    """A value that is missing is said to be missing."""
    category = LOANS.roles.category or ""
    personal = LOANS.fields[category].model_copy(update={"personal": True})
    texts = with_roles(RUSSIAN, LOANS.model_copy(update={"fields": LOANS.fields | {category: personal}}))

    assert texts.has_personal
    assert transaction_cells(Row(), texts) == (MASK,)
    assert transaction_cells(Row(), texts, names=True) == ("home",)
    assert transaction_cells(Row(category=None), texts) == ("—",)
    assert [with_roles(RUSSIAN, one).has_personal for one in (SHIPPED, TERMINALS, LOANS)] == [True, True, False]


@pytest.mark.parametrize(
    ("key", "customer", "masked", "shown"),
    [
        ((NAME, NAME, SECRET), "Ada|Example|1 Test Lane", "A••• E•••", "Ada Example, 1 Test Lane, City"),
        ((NAME, NAME, SECRET), "Ada|Example", "A••• E•••", "Ada Example, City"),
        ((SECRET,), "4276|1", "•••", "4276|1, City"),
        ((OPEN,), "shop-7", "shop-7", "shop-7, City"),
        ((OPEN, SECRET), "shop-7|4276", "shop-7", "shop-7, 4276, City"),
        ((), "unknown|parts", "•••", "unknown|parts, City"),
    ],
)
def test_a_key_is_masked_by_its_fields(key: tuple[FieldSpec, ...], customer: str, masked: str, shown: str) -> None:
    """Of a personal name the initial is left, of another personal field nothing; others are no secret."""
    assert customer_name(customer, key, "City", names=False) == masked
    assert customer_name(customer, key, "City", names=True) == shown
