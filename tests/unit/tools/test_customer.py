"""One customer taken out of a partition's changelog, and records that mention them."""

from typing import Any

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from services.common.errors import Stop
from services.scorer.compile import compile_features
from services.scorer.history.changelog import KEY, Record, from_records, to_records
from services.scorer.history.events import Events, Evicted
from services.scorer.history.history import History
from services.tools.customer.__main__ import check_customer
from services.tools.customer.changelog import Records, hash_of, records_without, remembered
from services.tools.customer.mentions import mentions
from tests.support.messages import TRANSACTION, nested
from tests.support.other_contracts import LOANS, SHIPPED

PLAN = compile_features(SHIPPED)
NUMBERS = PLAN.numbers
ANN, BOB, EVE = "Ann|Lee|1 Road", "Bob|Ray|2 Road", "Eve|Fox|3 Road"


def stored(amounts: NDArray[Any]) -> NDArray[np.float32]:
    """Return what is stored of payments: their amounts, and no risk."""
    return np.array([amounts if name == "amount" else np.zeros(len(amounts)) for name in NUMBERS.stored], np.float32)


def paid(*who: str, first_id: int = 0, hour: int = 0) -> list[Record]:
    """Return the records of transactions remembered together, each of 10 plus its number; numbers are sequences too."""
    count = len(who)
    events = Events(
        customers=np.array([hash_of(name) for name in who], np.uint64),
        seconds=1_568_419_200 + 3600 * hour + np.arange(count),
        ids=np.arange(first_id, first_id + count, dtype=np.uint64),
        numbers=stored(10 + first_id + np.arange(count)),
    )
    return to_records(NUMBERS, events, np.arange(first_id, first_id + count), [])


def sums(name: str, count: int) -> list[Record]:
    lost = Evicted(hash_of(name), count, 1_500_000_000, 0, dict.fromkeys(NUMBERS.carried, 1.0))
    nothing = Events(np.array([], np.uint64), np.array([], np.int64), np.array([], np.uint64), stored(np.array([])))
    return to_records(NUMBERS, nothing, np.array([], int), [lost])


def log(*parts: list[Record]) -> list[tuple[bytes, bytes | None]]:
    return [(record["key"] or b"", record["value"]) for part in parts for record in part]


def erased(records: list[tuple[bytes, bytes | None]], name: str) -> list[tuple[bytes, bytes | None]]:
    return records + log(records_without(records, hash_of(name), NUMBERS))


def amounts(records: Records, name: str) -> list[object]:
    return [transaction["amount"] for transaction in remembered(records, hash_of(name), NUMBERS).transactions]


SHARED = log(paid(ANN, BOB, ANN), paid(BOB, ANN, EVE, first_id=3, hour=1), paid(ANN, first_id=6, hour=2), sums(ANN, 5))


def test_nothing_of_the_customer_is_left_and_everything_of_the_others() -> None:
    """First in a record, in the midst of one, alone in one, and in the sums of what was forgotten."""
    assert amounts(SHARED, ANN) == [10, 12, 14, 16]
    assert remembered(SHARED, hash_of(ANN), NUMBERS).summed_up == 5

    after = erased(SHARED, ANN)

    assert remembered(after, hash_of(ANN), NUMBERS) == remembered([], hash_of(ANN), NUMBERS)
    assert (amounts(after, BOB), amounts(after, EVE)) == ([11, 13], [15])
    newest = dict(after)
    assert hash_of(ANN) not in {int(np.frombuffer(key[:8], "<u8")[0]) for key, value in newest.items() if value}


def test_the_scorer_restores_the_others_as_they_were() -> None:
    """Their past is the same before and after; the customer's is a stranger's."""
    asked = Events(
        np.array([hash_of(BOB), hash_of(EVE), hash_of(ANN)], np.uint64),
        np.full(3, 1_568_419_200 + 10 * 3600),
        np.array([90, 91, 92], np.uint64),
        stored(np.ones(3)),
    )
    partitions = np.zeros(3, np.int64)

    before, after = (
        from_records(NUMBERS, records).history.observe(asked, PLAN.readings, partitions).values
        for records in (SHARED, erased(SHARED, ANN))
    )

    stranger = History(NUMBERS).observe(asked.take(np.array([2])), PLAN.readings, partitions[:1]).values
    assert np.array_equal(after[:2], before[:2], equal_nan=True)
    assert np.array_equal(after[2:], stranger, equal_nan=True)
    assert not np.array_equal(before[2:], stranger, equal_nan=True)


def test_a_customer_who_is_not_there_changes_nothing() -> None:
    """No record is written in vain; erasing twice is erasing once."""
    assert records_without(SHARED, hash_of("No|One|9 Road"), NUMBERS) == []
    assert records_without(erased(SHARED, ANN), hash_of(ANN), NUMBERS) == []


def test_what_others_paid_moves_to_a_key_of_their_own() -> None:
    """The key of a record tells its first customer's hash."""
    changes = records_without(log(paid(ANN, BOB, EVE)), hash_of(ANN), NUMBERS)

    assert [change["value"] is None for change in changes] == [True, False]
    key = np.frombuffer(changes[1]["key"] or b"", KEY)
    assert (int(key["customer"][0]), int(key["sequence"][0])) == (hash_of(BOB), 1)


ADA = "Ada|Example|1 Test Lane"


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        (ADA.encode(), b"anything", True),
        (None, nested("7"), True),
        (None, nested("7", name_1="Eve"), False),
        (b"", nested("known", name_1="Eve"), True),
        (None, b'{"data": {"name_1": "Ada", "name_2": "Example", "street": "1 Test Lane", broken', True),
        (None, b"\xff\xfe", False),
        (b"known", b'[{"transaction_id": "known", "score": 7}]', True),
        (None, b'[{"transaction_id": "known", "score": 7}]', True),
        (None, orjson.dumps({"transaction_id": "other", "score": 0.5, "fraud_flag": 0}), False),
        (None, None, False),
    ],
)
def test_a_record_is_told_by_key_fields_or_transaction(key: bytes | None, value: bytes | None, found: bool) -> None:
    """Broken ones too, as far as they can be read."""
    assert TRANSACTION["name_1"] == "Ada"
    assert mentions(key, value, ADA, {"known"}, SHIPPED) is found


@pytest.mark.parametrize("name", ["Ann", "Ann|Lee", "|Lee|1 Road", ""])
def test_half_a_name_is_no_customer(name: str) -> None:
    """Rather than find nobody."""
    with pytest.raises(Stop, match=r"expected name_1\|name_2\|street"):
        check_customer(name, SHIPPED)


def test_without_a_key_nothing_is_anybodys() -> None:
    """The command says so instead of searching."""
    with pytest.raises(Stop, match=r"no record\.key"):
        check_customer("anyone", LOANS)
