"""The history against a plain reference: wherever cut or restarted, every transaction sees the same, bit for bit."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from numpy.typing import NDArray

from services.scorer.history.store import MOST_EVENTS
from tests.fuzz.history_claims import transactions_see_the_past
from tests.fuzz.past import MONDAY, PlainPast
from tests.fuzz.product import HistoryEvent, Partition, empty_history, events
from tests.support.contracts import cards_plan, past_features
from tests.support.profiles import fixed

TRANSACTIONS = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.integers(0, 400).map(lambda quarters: MONDAY + 900 * quarters) | st.sampled_from([0, 1, 4_102_444_799]),
        st.integers(-640, 64_000).map(lambda parts: parts / 64),
        st.integers(1, 40),
        st.integers(0, 4_096).map(lambda parts: parts / 4_096),
    ),
    max_size=40,
)


NUMBERS = (0, 7)
"""Partitions of one history; their customers have the same names and nothing else in common."""


class AnyHistory(RuleBasedStateMachine):
    """Batches, repeats, restarts and compactions of partitions in any order."""

    def __init__(self) -> None:
        super().__init__()
        history = empty_history()
        self.partitions = {number: Partition(history, number) for number in NUMBERS}
        self.plain = {number: PlainPast() for number in NUMBERS}
        self.seen: dict[int, list[HistoryEvent]] = {number: [] for number in NUMBERS}

    @rule(number=st.sampled_from(NUMBERS), transactions=TRANSACTIONS)
    def observe(self, number: int, transactions: list[HistoryEvent]) -> None:
        """A batch sees what the reference sees, transaction by transaction."""
        found = self.partitions[number].observe(transactions)
        seen = [
            self.plain[number].observe(transaction) or [np.nan] * len(past_features()) for transaction in transactions
        ]
        assert np.array_equal(found.values, np.array(seen).reshape(-1, len(past_features())), equal_nan=True)
        self.seen[number] += transactions

    @rule(number=st.sampled_from(NUMBERS), data=st.data())
    def repeat(self, number: int, data: st.DataObject) -> None:
        """What was there already is not remembered again."""
        if self.seen[number]:
            again = data.draw(st.lists(st.sampled_from(self.seen[number]), max_size=10))
            self.observe(number, again)
            assert not self.partitions[number].observe(again).stored.any()

    @rule(number=st.sampled_from(NUMBERS))
    def restart(self, number: int) -> None:
        """A partition goes and comes back: only its changelog is left of it."""
        self.partitions[number].restart()

    @rule(number=st.sampled_from(NUMBERS))
    def compact(self, number: int) -> None:
        """Only the last record of a key is left."""
        self.partitions[number].compact()


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = fixed(60)


@fixed(100)
@given(st.lists(st.tuples(st.sampled_from((0, 1, 7)), TRANSACTIONS), max_size=5))
def test_partitions_of_a_batch_have_nothing_in_common(parts: list[tuple[int, list[HistoryEvent]]]) -> None:
    """Read together, in any order, they see what each of them sees alone."""
    transactions = [transaction for _, part in parts for transaction in part]
    partitions = np.array([number for number, part in parts for _ in part], np.int64)

    together = empty_history().observe(events(transactions), cards_plan().readings, partitions)

    for number in (0, 1, 7):
        own = partitions == number
        alone = empty_history().observe(events(transactions).take(own), cards_plan().readings)
        assert np.array_equal(together.values[own], alone.values, equal_nan=True)
        assert np.array_equal(together.sequences[own], alone.sequences)


def test_partitions_that_come_and_go_need_no_more_memory() -> None:
    """A hundred restarts of one of two partitions."""
    history = empty_history()
    staying, going = Partition(history, 0), Partition(history, 1)
    transactions: list[HistoryEvent] = [(n % 50, MONDAY + 60 * n, 1.0, n, 0.0) for n in range(3_000)]
    sizes = []
    for _ in range(100):
        staying.observe(transactions)
        going.observe(transactions)
        going.restart()
        sizes.append(history.nbytes)

    assert len(history) == 100
    assert sizes[-1] == sizes[2]


@pytest.mark.parametrize("seed", range(12))
def test_long_streams_are_seen_alike_however_they_are_cut(seed: int) -> None:
    """250 transactions of four customers, out of order and sent again, with restarts between batches of any size."""
    transactions_see_the_past(b"%d" % seed)


@fixed(60)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 99), st.integers(1, 3_000_000)), min_size=1, max_size=80),
    st.integers(1, 80),
)
def test_amounts_in_cents_sum_up_alike_however_they_are_cut(rows: list[tuple[int, int, int]], size: int) -> None:
    """Cents are no binary fractions; still their sums do not depend on their order."""
    transactions: list[HistoryEvent] = [
        (customer, MONDAY + 600 * at, cents / 100, number, 0.0) for number, (customer, at, cents) in enumerate(rows)
    ]

    assert seen_in_batches(transactions, size).tobytes() == seen_in_batches(transactions, len(transactions)).tobytes()


def seen_in_batches(transactions: list[HistoryEvent], size: int) -> NDArray[np.float64]:
    partition = Partition()
    starts = range(0, len(transactions), size)
    return np.vstack([partition.observe(transactions[start : start + size]).values for start in starts])


def test_a_giant_amount_costs_other_customers_nothing() -> None:
    """500 amounts as large as the contract allows, and next to them a customer of small ones."""
    giants = [(1, MONDAY + 60 * number, 1e12, number, 0.0) for number in range(500)]
    small = [(2, MONDAY + 60 * number, 10.01 + number, 1_000 + number, 0.0) for number in range(5)]

    assert np.array_equal(seen_in_batches(giants + small, 505)[500:], seen_in_batches(small, 5), equal_nan=True)


def test_a_transaction_that_comes_too_late_may_come_alone() -> None:
    """It sees nothing, and nothing breaks."""
    partition = Partition()
    for half in range(2):
        numbers = range(half * MOST_EVENTS, (half + 1) * MOST_EVENTS)
        partition.observe([(1, MONDAY + number, 1.0, number, 0.0) for number in numbers])

    assert np.isnan(partition.observe([(1, MONDAY, 1.0, 1, 0.0)]).values).all()


def test_what_is_forgotten_does_not_depend_on_the_batches() -> None:
    """A customer with more transactions in three days than are kept."""
    transactions: list[HistoryEvent] = [(1, MONDAY + number, 1.0, number, 0.0) for number in range(MOST_EVENTS + 200)]

    assert np.array_equal(seen_in_batches(transactions, 1), seen_in_batches(transactions, 300), equal_nan=True)


def test_a_restart_forgets_no_more_than_was_forgotten() -> None:
    """A transaction of long ago evicts the older half; is it remembered itself, before and after a restart?"""
    kept, restarted = Partition(), Partition()
    stream: list[HistoryEvent] = [(1, MONDAY + 600 * number, 1.0, number, 0.0) for number in range(MOST_EVENTS)]
    for partition in (kept, restarted):
        partition.observe(stream)
        partition.observe([(1, MONDAY + 300, 1.0, 5_000, 0.0)])
    restarted.restart()
    later: list[HistoryEvent] = [(1, MONDAY + 10**6, 1.0, 6_000, 0.0)]

    assert np.array_equal(kept.observe(later).values, restarted.observe(later).values, equal_nan=True)


def test_customers_with_many_transactions_see_what_the_reference_sees() -> None:
    """Over 2,600 transactions in order of time and a restart now and then: three times the older half is forgotten."""
    random, plain, partition = Random(3), PlainPast(), Partition()
    stream: list[HistoryEvent] = [
        (1, MONDAY + 1_200 * number, random.randint(1, 6_400) / 64, number, random.randint(0, 4_096) / 4_096)
        for number in range(2_600)
    ]
    for start in range(0, len(stream), 130):
        batch = stream[start : start + 130]
        expected = [plain.observe(transaction) for transaction in batch]
        assert np.array_equal(partition.observe(batch).values, np.array(expected, np.float64), equal_nan=True)
        if random.random() < 0.3:
            partition.restart()
