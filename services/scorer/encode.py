"""Scores to messages of the topic `scores`: exactly three fields. Knows nothing of Kafka clients."""

import numpy as np
import orjson
from numpy.typing import NDArray

from services.scorer.history.changelog import Record

_HEAD, _SCORE = b'{"transaction_id":"', b'","score":'
_ENDS = (b',"fraud_flag":0}', b',"fraud_flag":1}')


def encode_scores(ids: list[str], scores: NDArray[np.float64], flags: NDArray[np.bool_]) -> list[Record]:
    """Return the message of each transaction, keyed by its id.

    A batch's scores become JSON in one call and are cut apart again. A backslash means that some id has characters JSON
    must escape, a quote perhaps: then ids are encoded one at a time.

    Args:
        ids: transaction ids [n], text that UTF-8 can hold.
        scores: float64 [n], finite.
        flags: bool [n].
    """
    if not ids:
        return []
    keys = list(map(str.encode, ids))
    names = [orjson.dumps(name)[1:-1] for name in ids] if b"\\" in orjson.dumps(ids) else keys
    numbers = orjson.dumps(scores, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    return [
        {"key": key, "value": b"".join((_HEAD, name, _SCORE, number, _ENDS[flag]))}
        for key, name, number, flag in zip(keys, names, numbers, flags.tolist(), strict=True)
    ]
