"""Scores recomputed from the log alone, in one go, to compare with what processes wrote."""

from collections.abc import Mapping, Sequence

import numpy as np

from services.common.contract.ids import record_id
from services.scorer.history.history import History
from services.scorer.recall import customer_keys, to_events, with_past
from services.scorer.score import Model

Place = tuple[int, int]
"""(partition, offset)"""

Transactions = Mapping[Place, tuple[bytes | None, bytes]]
"""Place -> (key, value)"""


def recomputed(transactions: Transactions, model: Model, topic: str) -> dict[Place, tuple[str, float]]:
    """Return place -> (id, score) of the transactions of a topic, each of which must be one that can be decoded."""
    scores: dict[Place, tuple[str, float]] = {}
    for partition in {partition for partition, _ in transactions}:
        places = sorted(place for place in transactions if place[0] == partition)
        scores |= _recomputed_in_order(places, transactions, model, topic)
    return scores


def _recomputed_in_order(
    places: Sequence[Place], transactions: Transactions, model: Model, topic: str
) -> dict[Place, tuple[str, float]]:
    keys = [transactions[place][0] for place in places]
    columns, rejects = model.decoder.decode(
        [transactions[place][1] for place in places], lambda row: record_id(topic, *places[row])
    )
    assert not rejects, f"cannot be decoded: {rejects}"
    plan = model.plan
    own_keys = customer_keys(columns, plan.contract.record.key)
    keyed = np.array([key is not None and key == own for key, own in zip(keys, own_keys, strict=True)])
    events = to_events([key or b"" for key in keys], columns, plan)
    values = np.full((len(places), len(plan.readings)), np.nan)
    values[keyed] = History(plan.numbers).observe(events.take(keyed), plan.readings).values
    scores = model.score(model.features(with_past(columns, plan.readings, values)))
    return {
        place: (name, float(score)) for place, name, score in zip(places, columns.ids, scores.tolist(), strict=True)
    }
