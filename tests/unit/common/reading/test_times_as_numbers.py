"""Times that a contract gives a unit: seconds or milliseconds since 1970, through all that reads and writes them."""

import csv
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from jsonschema import Draft202012Validator

from services.common.contract.load import to_contract
from services.common.contract.schema import message_schema
from services.common.errors import Reason, Stop
from services.common.reading.stored import TransactionReader, decode_transaction
from services.scorer.compile import compile_features
from services.scorer.decode import Columns, Decoder, Rejects
from services.sender.csvfile import prepare
from services.sender.report import BadRow, RowFault
from tests.support.other_contracts import CLICKS
from ui.payment.payment import compose

AT = 1_600_000_000_999
"""2020-09-13 12:26:40 UTC, and 999 milliseconds."""

FIRST_BEHIND = 4_102_444_800_000
"""2100-01-01 00:00, in milliseconds."""


def message(**fields: Any) -> bytes:
    return orjson.dumps({"transaction_id": "a", "data": {"at": AT, "user": "ada"} | fields})


def decode(*values: bytes) -> tuple[Columns, Rejects]:
    return Decoder(CLICKS, CLICKS.fields).decode(values, str)


@pytest.mark.parametrize("at", [AT, float(AT), str(AT), 0, FIRST_BEHIND - 1])
def test_numbers_become_seconds(at: Any) -> None:
    """Whole ones, of the first to the last second; as text too, as some producers write every value."""
    columns, rejects = decode(message(at=at))

    assert not rejects
    assert columns.seconds.tolist() == [int(at) // 1_000]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (message(at=-1), Reason.BAD_TIME),
        (message(at=FIRST_BEHIND), Reason.BAD_TIME),
        (message(at=True), Reason.BAD_TYPE),
        (message(at="2020-09-13 12:26"), Reason.BAD_TYPE),
        (message(at=None), Reason.MISSING_FIELD),
        (b'{"user": "ada", "at": Infinity}', Reason.BAD_TIME),
        (b'{"user": "ada", "at": NaN}', Reason.MISSING_FIELD),
        (b'{"user": "ada", "at": 1e400}', Reason.BAD_TIME),
    ],
)
def test_others_are_rejected_by_field_and_the_rest_is_scored(value: bytes, reason: Reason) -> None:
    columns, rejects = decode(message(), value)

    assert columns.rows.tolist() == [0]
    assert (rejects[1].reason, rejects[1].field) == (reason, "at")


def test_an_optional_one_may_be_missing_and_is_checked_too() -> None:
    columns, rejects = decode(message(), message(born=1_600_003_600), message(born=AT))

    assert columns.numbers["born"].tolist()[1] == 1_600_003_600
    assert np.isnan(columns.numbers["born"][0])
    assert "no time in s since 1970-01-01" in str(rejects[2])


def test_features_are_those_of_the_clock_in_utc() -> None:
    plan = compile_features(CLICKS)
    columns, _ = Decoder(CLICKS, plan.fields).decode([message(born=1_600_003_600), message()], str)

    features = plan.to_features(columns)
    assert features[0, :2].tolist() == [12, 13]
    assert np.isnan(features[1, 1])


def test_the_mart_gets_the_time() -> None:
    """By both readers; one that is no time is unknown there, since it is the scorer that rejects."""
    values = [message(), message(at=FIRST_BEHIND), message(at="soon")]
    rows, others = TransactionReader(CLICKS).read(values, "t", [(0, offset) for offset in range(3)])
    alone = [decode_transaction(value, "t", 0, offset, CLICKS) for offset, value in enumerate(values)]

    assert others == 0
    assert [row[1] for row in rows] == [datetime(2020, 9, 13, 12, 26, 40), None, None]
    assert rows == alone


def test_a_file_and_the_form_take_numbers_and_readable_times(tmp_path: Path) -> None:
    """The message holds the number, and is what the schema asks for."""
    path = tmp_path / "clicks.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["at", "born", "user"], [AT, "", "ada"], ["2020-09-13 12:26:41", "2020-09-13 13:26", "ada"]]
        )
    with prepare(path, contract=CLICKS) as records:
        sent = [orjson.loads(value)["data"] for _, value in records]
    typed = orjson.loads(compose({"at": "2020-09-13 12:26", "user": "ada"}, CLICKS).value)

    assert [record["at"] for record in sent] == [AT, 1_600_000_001_000]
    assert [record["born"] for record in sent] == [None, 1_600_003_560]
    assert typed["data"]["at"] == 1_599_999_960_000
    valid = Draft202012Validator(message_schema(CLICKS)).is_valid
    assert all(map(valid, [*sent, typed, orjson.loads(message())]))
    assert not any(map(valid, [orjson.loads(message(at=FIRST_BEHIND)), orjson.loads(message(at="2020-09-13 12:26"))]))


@pytest.mark.parametrize("text", ["-1", str(FIRST_BEHIND), "1e300", "soon"])
def test_a_cell_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadRow) as refused:
        compose({"at": text, "user": "ada"}, CLICKS)

    assert (refused.value.reason, refused.value.field) == (RowFault.BAD_TIME, "at")


def test_only_times_have_a_unit() -> None:
    fields = {"amount": {"type": "number", "unit": "s"}}
    with pytest.raises(Stop, match="unit is for times, the type is number"):
        to_contract({"format": 1, "name": "x", "fields": fields, "features": {"amount": "amount"}})
