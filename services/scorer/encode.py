"""Scores to messages of the topic `scores`: exactly three fields. Knows nothing of Kafka clients."""

import numpy as np
import orjson
from numpy.typing import NDArray

from services.scorer.changelog import Record


def encode_scores(ids: list[str], scores: NDArray[np.float64], flags: NDArray[np.bool_]) -> list[Record]:
    """Return the message of each transaction, keyed by its id.

    A batch's ids and scores become JSON in one call each, and are cut apart again. A backslash means that some id has
    characters JSON must escape, a quote perhaps: then ids are encoded one at a time.

    Args:
        ids: transaction ids [n], text that UTF-8 can hold.
        scores: float64 [n], finite.
        flags: bool [n].
    """
    if not ids:
        return []
    keys, quoted = _encode_ids(ids)
    numbers = orjson.dumps(scores, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    return [
        {"key": key, "value": b'{"transaction_id":%b,"score":%b,"fraud_flag":%d}' % (name, number, flag)}
        for key, name, number, flag in zip(keys, quoted, numbers, flags.tolist(), strict=True)
    ]


def _encode_ids(ids: list[str]) -> tuple[list[bytes], list[bytes]]:
    """Return each id as UTF-8, and as JSON."""
    encoded = orjson.dumps(ids)
    if b"\\" in encoded:
        return [name.encode() for name in ids], [orjson.dumps(name) for name in ids]
    keys = encoded[2:-2].split(b'","')
    return keys, [b'"%b"' % key for key in keys]
