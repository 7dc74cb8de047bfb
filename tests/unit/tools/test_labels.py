"""Rows of a training file made of the messages of judged transactions, and the file itself."""

import csv
import io
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.common.contract.ids import record_id
from services.common.contract.load import to_contract
from services.common.contract.model import Contract
from services.common.errors import Stop
from services.common.kafka.scan import Range
from services.common.reading.stored import decode_transaction
from services.tools.labels.__main__ import export, write_private
from services.tools.labels.collect import OTHER, Collection
from services.tools.labels.judged import JudgedTransaction, judged_ranges
from tests.support.messages import TRANSACTION, flat, nested
from tests.support.other_contracts import SHIPPED

TOPIC = "transactions"
GONE = f"no longer in the topic {TOPIC}"


def judged(
    value: bytes, position: tuple[int, int] = (0, 0), *, fraud: bool = True, contract: Contract = SHIPPED
) -> JudgedTransaction:
    """Return a judged transaction whose row the sink made of this message."""
    return JudgedTransaction(fraud, decode_transaction(value, TOPIC, *position, contract))


def collect(
    transactions: Iterable[JudgedTransaction],
    messages: dict[tuple[int, int], bytes | None],
    contract: Contract = SHIPPED,
    *,
    with_personal: bool = True,
) -> Collection:
    found = Collection(transactions, TOPIC, contract, with_personal=with_personal)
    for position, value in messages.items():
        found.see(position, value)
    return found


def cells(found: Collection, position: tuple[int, int] = (0, 0)) -> dict[str, str]:
    return dict(zip(found.header, found.rows[position], strict=True))


def test_a_row_has_the_fields_of_the_contract_in_its_order_and_the_outcome() -> None:
    """In either form of a message; numbers in their shortest form, what is missing blank."""
    other = flat("b", gender=None, lat=float("nan"), amount="25,5", jobs='=1, "2"\n3')
    messages: dict[tuple[int, int], bytes | None] = {(0, 0): nested("a"), (1, 0): other}
    found = collect([judged(nested("a")), judged(other, (1, 0), fraud=False)], messages)

    assert found.header == (*SHIPPED.fields, "target")
    assert cells(found) == {field: str(value) for field, value in TRANSACTION.items()} | {"target": "1"}
    assert cells(found, (1, 0)) == cells(found) | {
        "gender": "", "lat": "", "amount": "25.5", "jobs": '=1, "2"\n3', "target": "0",
    }  # fmt: skip
    assert not found.left_out


def test_personal_fields_are_blank_unless_asked_for() -> None:
    """Those that the contract marks, and no others."""
    found = collect([judged(nested("a"))], {(0, 0): nested("a")}, with_personal=False)
    names = ["name_1", "name_2", "street"]
    assert [field for field, cell in cells(found).items() if not cell] == names


def test_a_required_personal_field_cannot_be_blank() -> None:
    """Every row would be rejected in training: that is said at once."""
    fields: dict[str, Any] = {"card": {"type": "text", "required": True, "personal": True}, "amount": "number"}
    contract = to_contract({"format": 1, "name": "c", "fields": fields, "features": {"amount": "amount"}})
    with pytest.raises(Stop, match=r"without card, .* --personal"):
        Collection([], TOPIC, contract, with_personal=False)
    assert Collection([], TOPIC, contract, with_personal=True).header == ("card", "amount", "target")


def test_another_message_in_the_place_of_a_judged_one_is_no_label() -> None:
    """Also if its id is made of the position, and so the same; each judged transaction of a place counts."""
    without_id, other = nested(None), nested(None, amount=1.0)
    assert judged(without_id).row[0] == judged(other).row[0] == record_id(TOPIC, 0, 0)

    assert collect([judged(without_id)], {(0, 0): without_id}).rows
    for wrong in (other, nested("b"), nested("a", merch="another")):
        found = collect([judged(without_id), judged(nested("a"))], {(0, 0): wrong})
        assert (found.rows, found.left_out) == ({}, {OTHER: 2})
    found = collect([judged(without_id), judged(nested("a"))], {(0, 0): nested("a")})
    assert (len(found.rows), found.left_out) == (1, {OTHER: 1})


def test_what_kafka_no_longer_holds_is_counted() -> None:
    """Messages that nobody judged add nothing, one that comes twice adds nothing either."""
    found = collect([judged(nested("a")), judged(nested("b"), (0, 1))], {(0, 5): nested("c"), (0, 1): nested("b")})
    found.see((0, 1), nested("b"))
    assert (list(found.rows), found.left_out) == ([(0, 1)], {GONE: 1})


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"{", "cannot be read: bad_json"),
        (None, "cannot be read: bad_json"),
        (nested("a", amount=-1e13), "cannot be read: out_of_range of amount"),
        (nested("a", transaction_time="yesterday"), "cannot be read: bad_time of transaction_time"),
    ],
)
def test_a_message_that_the_scorer_rejects_is_counted_with_the_reason(value: bytes | None, why: str) -> None:
    """Training would stop at such a row."""
    transaction = judged(nested("a") if value is None or value == b"{" else value)
    found = collect([transaction], {(0, 0): value})
    assert (found.rows, found.left_out) == ({}, {why: 1})


def test_a_field_that_the_model_does_not_need_may_be_unreadable() -> None:
    """The scorer scored it: it is a label, the value blank and counted."""
    value = nested("a", post_code="K1A 0B1", merchant_lat=[1])
    found = collect([judged(value)], {(0, 0): value})
    assert [cells(found)[field] for field in ("post_code", "merchant_lat", "target")] == ["", "", "1"]
    assert found.unreadable == {"post_code": 1, "merchant_lat": 1}


def test_any_contract_will_do() -> None:
    """Another key of the id and of the fields, and a time in numbers."""
    fields = {
        "at": {"type": "time", "unit": "ms", "required": True},
        "who": {"type": "text", "personal": True},
        "sum": "number",
    }
    record = {"id": "loan", "payload": "body", "event_time": "at", "key": ("who",)}
    features = {"sum": "sum", "count": {"count": True}}
    loans = to_contract({"format": 1, "name": "l", "record": record, "fields": fields, "features": features})
    value = orjson.dumps({"loan": "7", "body": {"at": 1_568_429_160_123, "who": "Ann", "sum": 1e300}})
    found = collect([judged(value, contract=loans)], {(0, 0): value}, loans)
    assert cells(found) == {"at": "1568429160123", "who": "Ann", "sum": "1e+300", "target": "1"}
    found = collect([judged(value, contract=loans)], {(0, 0): value}, loans, with_personal=False)
    assert cells(found)["who"] == ""


def test_the_topic_is_read_from_the_first_judged_transaction_to_the_last() -> None:
    """As far as it is there: past its end, nothing would ever come."""
    whole = {0: Range(10, 20), 1: Range(0, 5), 2: Range(0, 9)}
    places = [(0, 3), (0, 12), (0, 17), (0, 20), (1, 4), (1, 5), (7, 0)]
    assert judged_ranges([judged(nested("a"), place) for place in places], whole) == {0: Range(12, 18), 1: Range(4, 5)}


def test_the_file_is_its_owners_and_replaced_as_a_whole(tmp_path: Path) -> None:
    """Nothing else is left in its folder, whether it worked or not."""
    path = tmp_path / "labels.csv"
    path.write_text("old")
    rows = [("text", "target"), ('a\r\n"b",=c', "1")]
    write_private(path, rows)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [*csv.reader(io.StringIO(path.read_bytes().decode(), newline=""))] == [list(row) for row in rows]

    with pytest.raises(UnicodeEncodeError):
        write_private(path, [("\ud800",)])
    assert path.read_bytes().startswith(b"text,target")
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_cannot_be_written_or_is_there_is_refused(tmp_path: Path) -> None:
    """Kafka may no longer hold what was exported before; nothing is asked of any server."""
    with pytest.raises(Stop, match=r"labels.csv cannot be written: No such file or directory"):
        write_private(tmp_path / "missing" / "labels.csv", [("target",)])
    path = tmp_path / "labels.csv"
    path.write_text("old")
    with pytest.raises(Stop, match=r"is there already: .* --replace"):
        export(path, io.StringIO(), with_personal=False, replace=False)
    assert path.read_text() == "old"
