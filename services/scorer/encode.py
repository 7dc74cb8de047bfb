"""Results to messages of the topics `scores` (exactly three fields) and `alerts`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from services.common.contract.model import Contract
from services.common.errors import Reject
from services.common.reading.message import open_envelope
from services.scorer.explain import TEXT_MAX_CHARACTERS, GivenReason
from services.scorer.history.changelog import Record
from services.scorer.score import Model

_HEAD, _SCORE = b'{"transaction_id":"', b'","score":'
_ENDS = (b',"fraud_flag":0}', b',"fraud_flag":1}')


def encode_scores(ids: list[str], scores: NDArray[np.float64], flags: NDArray[np.bool_]) -> list[Record]:
    """Return the message of each transaction, keyed by its id.

    Args:
        ids: transaction ids [n], text that UTF-8 can hold.
        scores: float64 [n], finite.
        flags: bool [n].
    """
    if not ids:
        return []
    keys = list(map(str.encode, ids))
    # One JSON call a batch, cut apart again, is several times faster than one a message. A backslash shows that some id
    # has a character that JSON escapes: then ids are encoded one at a time.
    names = [orjson.dumps(name)[1:-1] for name in ids] if b"\\" in orjson.dumps(ids) else keys
    numbers = orjson.dumps(scores, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    return [
        {"key": key, "value": b"".join((_HEAD, name, _SCORE, number, _ENDS[flag]))}
        for key, name, number, flag in zip(keys, names, numbers, flags.tolist(), strict=True)
    ]


def encode_alerts(
    ids: Sequence[str],
    scores: Sequence[float],
    reasons: Sequence[list[GivenReason]],
    values: Sequence[bytes | None],
    model: Model,
) -> list[Record]:
    """Return the message of each flagged transaction, keyed by its id.

    Args:
        ids: transaction ids [n].
        scores: as published [n].
        reasons: of each transaction, the largest first [n].
        values: the messages as they were read [n].
        model: for its version, its threshold and the fields of its contract.
    """
    manifest, contract = model.manifest, model.plan.contract
    return [
        {
            "key": name.encode(),
            "value": orjson.dumps(
                {
                    "transaction_id": name,
                    "score": score,
                    "reasons": given,
                    "model_version": manifest.version,
                    "threshold": manifest.threshold,
                    "data": transaction_fields(value, contract),
                }
            ),
        }
        for name, score, given, value in zip(ids, scores, reasons, values, strict=True)
    ]


def transaction_fields(value: bytes | None, contract: Contract) -> dict[str, str | int | float | None]:
    """Return those of the contract's fields that a message has; None for what is neither text nor a finite number.

    No field at all if the message is faulty in a part that the scorer did not need.
    """
    try:
        _, data = open_envelope(value, None, contract.record)
    except Reject:
        return {}
    return {field: _plain(data[field]) for field in contract.fields if field in data}


def _plain(value: Any) -> str | int | float | None:
    if type(value) is str:
        return value[:TEXT_MAX_CHARACTERS]
    if type(value) is int and -(2**63) <= value < 2**64:
        return value
    return value if type(value) is float and math.isfinite(value) else None
