"""services.scorer.history.changelog: a history is restored by the contract it was stored for, and never misread."""

from typing import Any

import numpy as np
import pytest

from services.common.contract.model import Contract
from services.common.errors import Stop
from services.scorer.compile import compile_features
from services.scorer.history import store
from services.scorer.history.changelog import (
    DEFINITIONS_KEY,
    Restored,
    definitions_record,
    from_records,
    sums_type,
    to_records,
    transaction_type,
)
from services.scorer.history.events import Events
from services.scorer.history.history import History
from services.scorer.history.numbers import PastNumbers
from tests.support.contracts import cards_plan, contract, parsed_cards, past_features
from tests.support.models import RISKS

Records = list[tuple[bytes, bytes | None]]

FEW_EVENTS = 8
PAYMENTS = 20


def numbers_of(features: dict[str, Any] | tuple[str, ...], **sections: Any) -> PastNumbers:
    return compile_features(contract(features, **sections)).numbers


def stored(numbers: PastNumbers, monkeypatch: pytest.MonkeyPatch) -> Records:
    """Return the changelog, without definitions, of a customer of whom something is evicted."""
    monkeypatch.setattr(store, "MOST_EVENTS", FEW_EVENTS)
    history = History(numbers)
    ids = np.arange(PAYMENTS, dtype=np.uint64)
    values = np.tile(np.arange(PAYMENTS, dtype=np.float32), (len(numbers.stored), 1))
    events = Events(np.ones(PAYMENTS, np.uint64), 1_546_819_200 + 60 * np.arange(PAYMENTS), ids, values)
    past = history.observe(events, [])
    records = to_records(numbers, events, past.sequences, past.evicted[0])
    return [(record["key"] or b"", record["value"]) for record in records]


def with_definitions(numbers: PastNumbers, records: Records) -> Records:
    record = definitions_record(numbers)
    return [(record["key"] or b"", record["value"]), *records]


LEAST, MOST = {"least": {"min": "amount"}}, {"most": {"max": "amount"}}
NIGHTS, LAST_NIGHT = {"nights": {"sum": "night"}}, {"nights": {"sum": "night"}, "last": {"last": "night"}}
SECTIONS = parsed_cards()

OTHERS: dict[str, tuple[Contract, Contract, str]] = {
    "max instead of min, in records of one size": (contract(LEAST), contract(MOST), "sums"),
    "a number that is not stored": (contract(NIGHTS), contract(LAST_NIGHT), "stored numbers"),
    "a number that is no longer stored": (contract(LAST_NIGHT), contract(NIGHTS), "stored numbers"),
    "one more": (contract(LEAST), contract(LEAST | {"sum": {"sum": "population_city"}}), "number population_city"),
    "one less": (contract(LEAST | {"sum": {"sum": "population_city"}}), contract(LEAST), "number population_city"),
    "another table": (contract(past_features()), contract(past_features(), risk=RISKS), "number risk"),
    "another key": (contract(LEAST), contract(LEAST, record=SECTIONS["record"] | {"key": ["street"]}), "key"),
    "another definition of one name": (
        contract(NIGHTS),
        contract(NIGHTS, derived=SECTIONS["derived"] | {"night": {"hour": "transaction_time"}}),
        "number night",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS)
def test_a_restore_under_another_contract_is_refused_in_one_line(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its records have the same size; the line names what differs and what to do."""
    before, after, named = OTHERS[case]
    old, new = compile_features(before).numbers, compile_features(after).numbers
    records = with_definitions(old, stored(old, monkeypatch))
    assert len(from_records(old, records).history) == 1

    with pytest.raises(Stop, match=f"another contract, which differs in {named}: .*docs/models.md") as refused:
        from_records(new, records)
    assert "\n" not in str(refused.value)


def test_the_same_numbers_under_other_names_of_features_and_in_other_windows_are_restored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is stored does not depend on what is read of it."""
    old = numbers_of({"a": {"sum": "amount", "within": "1h"}, "b": {"last": "amount"}})
    new = numbers_of({"c": {"ratio_to_mean": "amount"}, "d": {"count": True, "within": "30d"}})
    assert len(from_records(new, with_definitions(old, stored(old, monkeypatch))).history) == 1


def test_records_without_definitions_are_those_of_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """As versions before contracts wrote them: read, and said so with the next batch; refused for all others."""
    cards = cards_plan().numbers
    records = stored(cards, monkeypatch)
    restored = from_records(cards, records)
    assert len(restored.history) == 1
    assert definitions_record(cards) in restored.rewrites

    for other in (numbers_of(LEAST), numbers_of(NIGHTS), numbers_of({"all": {"sum": "amount"}})):
        with pytest.raises(Stop, match="before there were contracts, for cards: "):
            from_records(other, records)


def test_the_record_of_cards_is_laid_out_as_before_contracts() -> None:
    """Names, types and places, as version 0.1 wrote them."""
    cards = cards_plan().numbers
    assert transaction_type(cards) == np.dtype(
        [("customer", "<u8"), ("sequence", "<u4"), ("seconds", "<u4"), ("value amount", "<f4"), ("id", "<u8"),
         ("value risk", "<f4")]
    )  # fmt: skip
    assert sums_type(cards) == np.dtype(
        [("count", "<u8"), ("seconds", "<u4"), ("sequence", "<u4"), ("sum amount", "<f8"), ("sum night", "<f8"),
         ("sum risk", "<f8")]
    )  # fmt: skip


@pytest.mark.parametrize("numbers", [cards_plan().numbers, numbers_of(LEAST), numbers_of({"n": {"count": True}})])
def test_an_empty_partition_is_restored_empty_and_told_what_it_will_hold(numbers: PastNumbers) -> None:
    """At the first start of all, and of a contract that only counts."""
    restored: Restored = from_records(numbers, [])
    assert len(restored.history) == 0
    assert restored.rewrites == [definitions_record(numbers)]
    again = from_records(numbers, [(DEFINITIONS_KEY, restored.rewrites[0]["value"])])
    assert again.rewrites == []


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"7", b"\xff"])
def test_definitions_that_cannot_be_read_are_refused(value: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The records behind them may be of anything."""
    cards = cards_plan().numbers
    with pytest.raises(Stop, match="does not say which numbers it holds"):
        from_records(cards, [(DEFINITIONS_KEY, value), *stored(cards, monkeypatch)])
