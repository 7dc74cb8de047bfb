"""Bad messages: each has one fate, whatever is in it, and costs its neighbours nothing."""

from collections import Counter
from random import Random

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import Reason
from services.scorer.encode import encode_scores
from services.sink.decode import decode_score
from tests.fuzz.claims import messages_have_one_fate_each, scores_have_one_fate_each
from tests.fuzz.messages import (
    ODD_IDS,
    ODD_NUMBERS,
    ODD_TEXTS,
    ODD_TIMES,
    ODD_VALUES,
    SEPARATOR,
    TIMESTAMPS,
    batch,
    score,
    transaction,
)
from tests.fuzz.product import decode, decoders, model
from tests.support.contracts import FIELDS
from tests.support.messages import TRANSACTION, flat, nested
from tests.support.profiles import fixed

CHANCE = st.randoms(use_true_random=False)
ODD = (*ODD_TIMES, *ODD_NUMBERS, *ODD_TEXTS, *ODD_IDS, *ODD_VALUES)


def with_odd_values(sound: dict[str, str], field: str) -> list[bytes]:
    """Return a message for each odd value, which stands in this field; all values are JSON."""
    messages = [sound | {field: value} for value in ODD]
    texts = ["{" + ",".join(f'"{name}":{value}' for name, value in message.items()) + "}" for message in messages]
    return [text.encode("utf-8", "surrogatepass") for text in texts]


@fixed(100)
@given(st.lists(CHANCE.map(transaction) | st.binary(max_size=40), min_size=1, max_size=5).map(SEPARATOR.join))
def test_every_message_has_one_fate_and_the_reference_agrees(messages: bytes) -> None:
    """Scored with just those values, or rejected for just that reason, by scorer and sink."""
    messages_have_one_fate_each(messages)


@fixed(300)
@given(CHANCE.map(score) | st.binary(max_size=60))
def test_every_score_is_kept_or_rejected(message: bytes) -> None:
    """The sink keeps what the table takes, and names what is wrong with the rest."""
    scores_have_one_fate_each(message)


@pytest.mark.parametrize("field", ["transaction_id", *FIELDS])
def test_every_odd_value_in_every_field_has_one_fate(field: str) -> None:
    """Each alone in an otherwise sound message, all of them in one batch with sound ones."""
    sound = {"transaction_id": '"a"'} | {name: orjson.dumps(value).decode() for name, value in TRANSACTION.items()}
    between = SEPARATOR + nested("b") + SEPARATOR
    fates = messages_have_one_fate_each(between.join(with_odd_values(sound, field)))

    assert fates["scored"] >= len(ODD) - 1
    assert fates.total() == 2 * len(ODD) - 1


@pytest.mark.parametrize("field", ["transaction_id", "score", "fraud_flag", "of somebody else"])
def test_every_odd_value_in_a_score_has_one_fate(field: str) -> None:
    """Also in a field that is not the contract's: the message is the one JSON that the reference reads, or none."""
    sound = {"transaction_id": '"a"', "score": "0.5", "fraud_flag": "1"}
    fates = Counter[str]()
    for message in with_odd_values(sound, field):
        fates += scores_have_one_fate_each(bytes(8) + message)

    assert fates.total() == len(ODD)
    assert fates["bad_json"]


@pytest.mark.parametrize("moment", TIMESTAMPS)
def test_a_timestamp_beyond_the_calendar_is_a_reject(moment: int) -> None:
    """A broker keeps any 64 bits; the sink does not stumble over them."""
    message = b'{"transaction_id": "a", "score": 0.5, "fraud_flag": 1}'

    [fate] = scores_have_one_fate_each(moment.to_bytes(8, "big", signed=True) + message)

    assert fate == ("kept" if -62_135_596_800_000 <= moment <= 253_402_300_799_999 else "out_of_range")


NAMES_OF_HALF_A_PAIR = nested("a").replace(b'"Ada"', b'"\\ud83d"'), flat("a").replace(b'"Ada"', b'"Ada \\udc00"')


@pytest.mark.parametrize("message", NAMES_OF_HALF_A_PAIR)
def test_half_of_a_surrogate_pair_in_a_name_costs_the_character_alone(message: bytes) -> None:
    """A name cut in the middle of an emoji is scored and kept; no text comes out that no encoding can write."""
    fates = messages_have_one_fate_each(message)
    columns, _ = decode([message])

    assert fates == {"scored": 1}
    assert columns.texts["name_1"][0] in {"\ufffd", "Ada \ufffd"}


def test_a_number_of_400_digits_costs_its_neighbours_nothing() -> None:
    """A large but finite number stays what it is when the batch holds one that is not."""
    large, too_large = nested("a", population_city=10**15), nested("b").replace(b"1897", b"1" + b"0" * 400)
    columns, _ = decode([large, too_large])

    assert columns.numbers["population_city"][0] == 1e15


def test_whatever_is_decoded_gets_a_score_that_the_sink_keeps() -> None:
    """The shipped model scores 2,000 odd messages; alone or in a batch, bit for bit the same."""
    random, decoder = Random(5), decoders()[1]
    values = [value for _ in range(100) for value in batch(random).split(SEPARATOR)][:2_000]
    columns, rejects = decode(values, decoder)
    features = model().features(columns)
    scores = model().score(features)
    alone = np.concatenate([model().score(features[row : row + 1]) for row in range(len(columns))])
    records = encode_scores(columns.ids, scores, model().flag(scores))

    assert len(scores) + len(rejects) == len(values)
    assert scores.tobytes() == alone.tobytes()
    for record, transaction_id, expected in zip(records, columns.ids, scores.tolist(), strict=True):
        assert decode_score(record["value"], 0, 0, 0)[:2] == (transaction_id, expected)
        assert record["key"] == transaction_id.encode()


REASONS_OF_DECODING = {
    Reason.BAD_JSON, Reason.BAD_ENCODING, Reason.NOT_OBJECT, Reason.MISSING_FIELD, Reason.BAD_TYPE, Reason.BAD_TIME,
    Reason.OUT_OF_RANGE,
}  # fmt: skip


def test_the_reasons_of_all_rejects_are_reached() -> None:
    """The made messages are bad in every way that decoding knows of."""
    random = Random(1)
    fates = sum((messages_have_one_fate_each(batch(random)) for _ in range(20)), start=Counter())

    assert set(fates) == {"scored"} | REASONS_OF_DECODING
