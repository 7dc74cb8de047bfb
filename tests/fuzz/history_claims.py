"""What must hold of any history."""

from collections import Counter
from random import Random

import numpy as np

from tests.fuzz.past import PlainPast, cut, stream
from tests.fuzz.product import Partition
from tests.support.contracts import past_features

Fates = Counter[str]

TRANSACTIONS = 250


def transactions_see_the_past(seed: bytes) -> Fates:
    """Check a stream made of a seed: cut anywhere, with restarts in between, its transactions see the same, bit by bit.

    Namely what they see in the plain reference, which knows no batches and no changelog.
    """
    random, plain, partition = Random(seed), PlainPast(), Partition()
    fates: Fates = Counter()
    for batch in cut(random, stream(random, TRANSACTIONS)):
        past = partition.observe(batch)
        seen = [plain.observe(transaction) or [np.nan] * len(past_features()) for transaction in batch]
        expected = np.array(seen, np.float64).reshape(len(batch), len(past_features()))
        assert np.array_equal(past.values, expected, equal_nan=True)
        fates += Counter({"remembered": int(past.stored.sum()), "known already": int((~past.stored).sum())})
        if random.random() < 0.1:
            partition.compact()
        if random.random() < 0.2:
            partition.restart()
    return fates
