"""services.scorer.explain and alerts: why the shipped model flags a transaction, and what is written of it."""

from typing import Any

import numpy as np
import orjson
import pytest

from services.scorer.encode import encode_alerts, transaction_fields
from services.scorer.explain import LEAST_SIZE, MOST_REASONS, TEXT_MAX_CHARACTERS, explain
from services.scorer.score import probabilities
from tests.support.contracts import cards
from tests.support.messages import FRAUD
from tests.support.reasons import BURST, CALM, NIGHT, features_of, reasons_of, shipped
from ui.review.case import parse_reasons
from ui.review.features import describe
from ui.review.reasons import in_words
from ui.review.texts import REASON_TEXTS
from ui.shell.formats import ENGLISH_NUMBERS, RUSSIAN_NUMBERS


def said(transactions: list[dict[str, Any]], language: str = "ru") -> list[str]:
    """Return how the page says the reasons of the last of them, those that raise the score."""
    numbers = RUSSIAN_NUMBERS if language == "ru" else ENGLISH_NUMBERS
    reasons = parse_reasons(orjson.loads(orjson.dumps(reasons_of(transactions))))
    return [
        in_words(reason, describe(cards(), language), REASON_TEXTS[language], numbers)
        for reason in reasons
        if reason.raises
    ]


def test_a_huge_amount_at_night_names_the_amount_and_the_night() -> None:
    """As the page says it: against the customer's mean, in both languages."""
    transactions = [*CALM, NIGHT]
    assert [reason["feature"] for reason in reasons_of(transactions)] == ["amount", "hour", "last"]
    assert said(transactions) == [
        "сумма в 24,4\u00a0раза выше средней по клиенту (880,00)",
        "ночь, 22–03 (час 23)",
        "предыдущая транзакция 36,6 ч назад, на 51,00",
    ]
    assert said(transactions, "en") == [
        "amount is 24.4× higher than the customer's mean (880.00)",
        "night, 22–03 (hour 23)",
        "previous transaction 36.6 h ago, for 51.00",
    ]


def test_a_burst_names_the_pace() -> None:
    """The transactions just before, what they came to, and that they are like frauds themselves."""
    first = reasons_of([*CALM, *BURST])[0]
    assert (first["feature"], first["direction"]) == ("pace", "up")
    assert first["values"]["count_1h"] == 3.0
    assert said([*CALM, *BURST])[0] == (
        "за последний час 3\u00a0транзакции на 2\u00a0110,70, "
        "за последние трое суток 5\u00a0транзакций на 2\u00a0211,70, ночью 3, похожи на фрод 3"
    )


def test_a_first_transaction_is_said_to_be_one() -> None:
    """Nothing before in three days; the amount has no mean to stand to."""
    assert said([FRAUD]) == [
        "сумма 995,70",
        "за последние трое суток ни одной транзакции",
        "категория shopping_net",
    ]


def test_what_is_missing_is_no_reason() -> None:
    """Of a customer who is not known, none of the past."""
    names = [reason["feature"] for reason in reasons_of([FRAUD | {"name_1": None}])]
    assert names == ["amount", "category", "hour"]


def test_sizes_are_what_the_model_says_without_the_group() -> None:
    """The change of the log-odds when amount and its ratio to the mean are as usual, and all else stays."""
    model = shipped()
    row = features_of([*CALM, *BURST])[-1:]
    reasons = {reason["feature"]: reason for reason in explain(model.session, model.plan, model.manifest, row)[0]}
    replaced = row.copy()
    for place in model.plan.groups["amount"]:
        replaced[:, place] = model.manifest.references[model.plan.names[place]]
    before, after = probabilities(model.session, np.concatenate([row, replaced]), all_trees=True).clip(1e-7, 1 - 1e-7)
    change = np.log(before / (1 - before)) - np.log(after / (1 - after))
    assert reasons["amount"]["size"] == pytest.approx(change, abs=0.001)


def test_reasons_come_the_largest_first_and_do_not_depend_on_the_batch() -> None:
    """At most three, none of them too small; a row alone gives what it gives among others."""
    model = shipped()
    rows = features_of([*CALM, *BURST, FRAUD])
    together = explain(model.session, model.plan, model.manifest, rows)
    assert together == [explain(model.session, model.plan, model.manifest, row[np.newaxis])[0] for row in rows]
    assert explain(model.session, model.plan, model.manifest, rows[:0]) == []
    for reasons in together:
        sizes = [reason["size"] for reason in reasons]
        assert len(reasons) <= MOST_REASONS
        assert sizes == sorted(sizes, reverse=True)
        assert all(size >= LEAST_SIZE for size in sizes)


def test_a_model_without_references_has_reasons_too() -> None:
    """Its usual values are missing ones."""
    model = shipped()
    manifest = model.manifest.model_copy(update={"references": {}})
    [reasons] = explain(model.session, model.plan, manifest, features_of([*CALM, *BURST])[-1:])
    assert len(reasons) == MOST_REASONS
    assert reasons[0]["feature"] == "amount"


def test_a_category_is_named_as_the_transaction_has_it() -> None:
    """One that the model does not know has no name."""
    model = shipped()
    rows = features_of([FRAUD, FRAUD | {"cat_id": "no_such_category", "name_1": "Ida"}])
    values = [
        reason["values"]["category"]
        for reasons in explain(model.session, model.plan, model.manifest, rows)
        for reason in reasons
        if reason["feature"] == "category"
    ]
    assert values == ["shopping_net", None]


def test_every_feature_belongs_to_one_group_that_has_a_name() -> None:
    """So none can move a score unsaid."""
    plan = shipped().plan
    grouped = [place for places in plan.groups.values() for place in places]
    assert sorted(grouped) == list(range(len(plan.names)))
    for texts in REASON_TEXTS.values():
        assert texts.groups.keys() >= plan.groups.keys()


def test_the_shipped_references_are_of_its_features() -> None:
    """A usual value for each, and each is what a transaction can have."""
    manifest, names = shipped().manifest, shipped().plan.names
    assert manifest.references.keys() == set(names)
    assert None not in manifest.references.values()


def test_an_alert_holds_the_transaction_its_reasons_and_the_model() -> None:
    """Keyed by the id; the 17 fields as they came."""
    manifest = shipped().manifest
    reasons = reasons_of([FRAUD])
    message = orjson.dumps({"transaction_id": "a", "data": FRAUD | {"more": 1}})
    [record] = encode_alerts(['a"ä'], [0.97], [reasons], [message], shipped())
    assert record["key"] == 'a"ä'.encode()
    assert orjson.loads(record["value"] or b"") == {
        "transaction_id": 'a"ä',
        "score": 0.97,
        "reasons": reasons,
        "model_version": manifest.version,
        "threshold": manifest.threshold,
        "data": FRAUD,
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'{"amount": 5, "merch": NaN, "lat": Infinity}', {"merch": None, "amount": 5, "lat": None}),
        (b'{"merch": [1], "jobs": {"a": 1}, "one_city": true}', {"merch": None, "one_city": None, "jobs": None}),
        (b'{"post_code": %b}' % (b"9" * 400), {"post_code": None}),
        (b'{"jobs": "%b"}' % (b"x" * 2_000), {"jobs": "x" * TEXT_MAX_CHARACTERS}),
        (b'{"amount": 5, "unread": "\\x"}', {}),
    ],
)  # fmt: skip
def test_whatever_a_transaction_holds_its_alert_can_be_written(value: bytes, expected: dict[str, Any]) -> None:
    """What is no text and no finite number is null, long texts are cut, a message that cannot be opened has no data."""
    found = transaction_fields(value, cards())
    assert found == expected
    assert list(found) == [field for field in cards().fields if field in found]
    assert orjson.loads(orjson.dumps(found)) == expected
