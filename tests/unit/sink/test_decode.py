"""Alerts that would end the sink when they are written: rejects."""

import pytest

from services.common.errors import Reason, Reject
from services.sink.decode import decode_alert


def alert(reasons: str) -> bytes:
    return f'{{"transaction_id": "a", "reasons": {reasons}, "model_version": "m", "threshold": 0.5}}'.encode()


@pytest.mark.parametrize("depth", [300, 950, 1_020])
def test_reasons_that_are_nested_too_deeply_are_a_reject(depth: int) -> None:
    """What reads JSON goes deeper than what writes it: the row could not be written, by any start of the sink."""
    with pytest.raises(Reject, match="nested too deeply") as found:
        decode_alert(alert("[" * depth + "]" * depth), 0, 0, 0)
    assert (found.value.reason, found.value.field) == (Reason.BAD_JSON, "reasons")


def test_ordinary_reasons_are_kept() -> None:
    """Objects in a list, with objects in them."""
    reasons = [{"feature": "amount", "direction": "up", "size": 1.5, "values": {"amount": 995.7}}]
    assert decode_alert(alert(str(reasons).replace("'", '"')), 0, 0, 0)[1] == reasons
