"""services.scorer.decode and services.common.reading.message: bytes to columns."""

import json
import math

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.contract.key import record_key
from services.common.errors import Reason
from services.common.reading.values import ValueRepair
from services.scorer.decode import Columns, Decoder, Rejects
from services.scorer.recall import are_keys
from tests.support.contracts import cards
from tests.support.messages import TRANSACTION, flat, nested

DECODER = Decoder(cards(), {"population_city", "gender", "lat"})


def decode(*values: bytes | None) -> tuple[Columns, Rejects]:
    return DECODER.decode(values, lambda row: f"row-{row}")


def test_both_forms_give_the_same_columns() -> None:
    """Nested and flat messages differ in nothing but their ids."""
    columns, rejects = decode(nested("a"), flat("b"), nested(None))

    assert not rejects
    assert columns.ids == ["a", "b", "row-2"]
    assert columns.rows.tolist() == [0, 1, 2]
    assert columns.seconds.tolist() == [1568429160] * 3
    assert columns.numbers["amount"].tolist() == [25.79] * 3
    assert columns.texts == {"cat_id": ["grocery_net"] * 3, "gender": ["F"] * 3}


@pytest.mark.parametrize("missing", ["null", "NaN", None])
def test_an_optional_field_may_be_missing(missing: str | None) -> None:
    """Absent, null and bare NaN are all NaN or None to the model."""
    value = nested("a")
    if missing is None:
        value = value.replace(b'"population_city"', b'"x"').replace(b'"gender"', b'"y"')
    else:
        value = value.replace(b"1897", missing.encode()).replace(b'"F"', missing.encode())

    columns, rejects = decode(value, nested("b"))

    assert not rejects
    assert math.isnan(columns.numbers["population_city"][0])
    assert columns.numbers["population_city"][1] == 1897
    assert columns.texts["gender"] == [None, "F"]


def test_only_the_required_fields_are_needed() -> None:
    """A message with the three required fields alone is scored."""
    columns, rejects = decode(b'{"transaction_time": "2019-09-14 02:46", "amount": 1, "cat_id": "home"}')

    assert not rejects
    assert len(columns) == 1


CASES: list[tuple[bytes | None, Reason, str]] = [
    (None, Reason.BAD_JSON, ""),
    (b"", Reason.BAD_JSON, ""),
    (b"{", Reason.BAD_JSON, ""),
    (b"{'a': 1}", Reason.BAD_JSON, ""),
    (b"[" * 100_000, Reason.BAD_JSON, ""),
    (b'{"a": 1' + b"0" * 5_000 + b', "b": NaN}', Reason.MISSING_FIELD, "transaction_time"),
    (b'{"a": "\xff"}', Reason.BAD_ENCODING, ""),
    (b"[]", Reason.NOT_OBJECT, ""),
    (b'"text"', Reason.NOT_OBJECT, ""),
    (b"null", Reason.NOT_OBJECT, ""),
    (b'{"transaction_id": "a", "data": [1]}', Reason.BAD_TYPE, "data"),
    (nested("a", transaction_time=None), Reason.MISSING_FIELD, "transaction_time"),
    (nested("a", amount=None), Reason.MISSING_FIELD, "amount"),
    (nested("a", cat_id=None), Reason.MISSING_FIELD, "cat_id"),
    (b'{"transaction_id": "a"}', Reason.MISSING_FIELD, "transaction_time"),
    (nested("a", amount="much"), Reason.BAD_TYPE, "amount"),
    (nested("a", amount="1,045"), Reason.BAD_TYPE, "amount"),
    (nested("a", amount="NULL"), Reason.MISSING_FIELD, "amount"),
    (nested("a", cat_id="nan"), Reason.MISSING_FIELD, "cat_id"),
    (nested("a", transaction_time="N/A"), Reason.MISSING_FIELD, "transaction_time"),
    (nested("a", transaction_time="3/4/2020 8:00"), Reason.BAD_TIME, "transaction_time"),
    (nested("a", amount=True), Reason.BAD_TYPE, "amount"),
    (nested("a", cat_id=7), Reason.BAD_TYPE, "cat_id"),
    (nested("a", gender=7), Reason.BAD_TYPE, "gender"),
    (nested("a", population_city="many"), Reason.BAD_TYPE, "population_city"),
    (nested("a", transaction_time=1568429160), Reason.BAD_TYPE, "transaction_time"),
    (nested("a", transaction_time="2019-02-30 10:00"), Reason.BAD_TIME, "transaction_time"),
    (nested("a", amount=1e13), Reason.OUT_OF_RANGE, "amount"),
    (nested("a").replace(b"25.79", b"-Infinity"), Reason.OUT_OF_RANGE, "amount"),
    (nested("a").replace(b"25.79", b"1" + b"0" * 400), Reason.OUT_OF_RANGE, "amount"),
    (nested("a").replace(b"25.79", b"1" + b"0" * 5_000), Reason.OUT_OF_RANGE, "amount"),
    (orjson.dumps({"transaction_id": 7.5, "data": TRANSACTION}), Reason.BAD_TYPE, "transaction_id"),
    (orjson.dumps({"transaction_id": True, "data": TRANSACTION}), Reason.BAD_TYPE, "transaction_id"),
    (nested("x" * 129), Reason.OUT_OF_RANGE, "transaction_id"),
    (nested("a\0b"), Reason.BAD_ENCODING, "transaction_id"),
    (nested("a").replace(b'"a"', b'"\\ud800"').replace(b"1897", b"NaN"), Reason.BAD_ENCODING, "transaction_id"),
]


@pytest.mark.parametrize(("value", "reason", "field"), CASES)
def test_what_cannot_be_scored_is_rejected_with_reason_and_field(
    value: bytes | None, reason: Reason, field: str
) -> None:
    """It alone, between two messages that are decoded."""
    columns, rejects = decode(nested("before"), value, flat("after"))

    assert columns.ids == ["before", "after"]
    assert columns.rows.tolist() == [0, 2]
    assert list(rejects) == [1]
    assert (rejects[1].reason, rejects[1].field) == (reason, field)
    assert rejects[1].message


def test_a_producer_that_writes_every_value_as_text_is_read() -> None:
    """Numbers and ids in quotes come out as without; each kind of mending is counted once a message."""
    texts = {field: str(value) for field, value in TRANSACTION.items()}
    columns, rejects = decode(
        nested("a", **texts), orjson.dumps({"transaction_id": 12345678901234567890, **TRANSACTION})
    )

    assert not rejects
    assert columns.ids == ["a", "12345678901234567890"]
    assert columns.numbers["amount"].tolist() == [25.79, 25.79]
    assert columns.numbers["lat"].tolist() == [32.1482, 32.1482]
    assert columns.repaired == {ValueRepair.NUMBER_AS_TEXT: 1, ValueRepair.ID_AS_NUMBER: 1}
    assert columns.take(np.arange(0)).repaired == columns.repaired  # also where the model has no score for one


@pytest.mark.parametrize(
    ("amount", "lat", "expected"),
    [("1,045", "32.1482", 1045.0), ("1,045", "32,1482", 1.045), ("1.045,50", None, 1045.5), ("25,79", None, 25.79)],
)
def test_a_messages_texts_decide_what_separates_decimals(amount: str, lat: str | None, expected: float) -> None:
    """The same amount is a thousand or one, as the coordinate beside it is written."""
    columns, rejects = decode(nested("a", amount=amount, lat=lat))

    assert not rejects
    assert columns.numbers["amount"].tolist() == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "2019-09-14T02:46:00.000Z",
        "2019-09-14 02:46:00+03:00",
        "2019-09-14T02:46",
        "14.09.2019 2:46",
        "20190914T024600Z",
    ],
)
def test_times_of_other_forms_are_read_as_the_clock_shows_them(text: str) -> None:
    """In a batch with times of the contract's form."""
    columns, rejects = decode(nested("a"), nested("b", transaction_time=text))

    assert not rejects
    assert columns.seconds.tolist() == [1568429160] * 2


@pytest.mark.parametrize("word", ["NA", "N/A", "nan", "NULL", "None", "\\N", "-", ""])
def test_words_for_missing_are_missing_in_every_field(word: str) -> None:
    """An id too: transactions without one do not share it. And no two unknown people are one customer."""
    key = cards().record.key
    decoder = Decoder(cards(), {"gender", "lat", *key})
    changes = {"gender": word, "lat": word, "name_1": word, "name_2": word, "street": word}
    columns, rejects = decoder.decode([nested(word, **changes), nested("b")], lambda row: f"row-{row}")

    assert not rejects
    assert columns.ids == ["row-0", "b"]
    assert [columns.texts[field][0] for field in ("gender", "name_1", "name_2", "street")] == [None] * 4
    assert math.isnan(columns.numbers["lat"][0])
    keys = [f"{word}|{word}|{word}".encode(), record_key(TRANSACTION, cards()) or b""]
    assert are_keys(keys, columns, key).tolist() == [False, True]
    assert record_key(TRANSACTION | changes, cards()) is None


def test_null_may_be_a_surname() -> None:
    """Programs do not write it with a capital."""
    columns, _ = Decoder(cards(), {"name_2"}).decode([nested("a", name_2="Null"), nested("b", name_2="NULL")], str)

    assert columns.texts["name_2"] == ["Null", None]


def test_a_byte_order_mark_is_skipped() -> None:
    """As some producers write it before each message."""
    columns, rejects = decode(b"\xef\xbb\xbf" + nested("a"))

    assert (columns.ids, rejects) == (["a"], {})


def test_a_whole_batch_of_rejects_leaves_empty_columns() -> None:
    """No message at all is a batch like any other."""
    columns, rejects = decode(b"", b"[]")

    assert len(columns) == 0
    assert len(rejects) == 2
    assert columns.seconds.dtype == np.int64


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*TRANSACTION, "data"]), inner, max_size=6)
    ),
    max_leaves=10,
)


@given(st.lists(st.binary(max_size=60) | JSON.map(json.dumps).map(str.encode), max_size=8))
def test_every_message_has_exactly_one_fate(values: list[bytes]) -> None:
    """Decoded or rejected, never both, never neither, never an exception."""
    columns, rejects = decode(*values)

    assert sorted([*columns.rows.tolist(), *rejects]) == list(range(len(values)))
    assert (np.abs(columns.numbers["amount"]) <= 1e12).all()
