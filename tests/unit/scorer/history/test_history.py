"""services.scorer.history.history and changelog: what a transaction sees of its customer's past."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.common.errors import Stop
from services.scorer.history.changelog import from_records, to_records
from services.scorer.history.events import Events
from services.scorer.history.history import History, Past
from services.scorer.history.store import MOST_EVENTS
from tests.support.contracts import cards_plan, past_features

Transaction = tuple[int, int, float, int]
"""customer, seconds, amount, id; the risk is made of the amount"""

MONDAY = 1_546_819_200  # 2019-01-07 00:00
WINDOWS = (3_600, 86_400, 3 * 86_400)
NUMBERS, READINGS, PAST = cards_plan().numbers, cards_plan().readings, past_features()

TRANSACTIONS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(0, 5 * 24 * 6).map(lambda tens: MONDAY + 600 * tens),
        st.integers(1, 100_000).map(lambda cents: float(np.float32(cents / 100))),
        st.integers(1, 30),
    ),
    max_size=60,
)


def events(transactions: list[Transaction]) -> Events:
    columns = list(zip(*transactions, strict=True)) or [()] * 4
    amounts = np.array(columns[2], np.float32)
    return Events(
        np.array(columns[0], np.uint64),
        np.array(columns[1], np.int64),
        np.array(columns[3], np.uint64),
        np.array([amounts, amounts % np.float32(1)], np.float32),
    )


def written(batch: Events, past: Past) -> list[tuple[bytes, bytes | None]]:
    """Return the records of a batch, as the topic holds them."""
    stored, sequences = batch.take(past.stored), past.sequences[past.stored]
    records = to_records(NUMBERS, stored, sequences, past.evicted.get(0, ()))
    return [(record["key"] or b"", record["value"]) for record in records]


def risk(amount: float) -> float:
    return float(np.float32(amount) % np.float32(1))


def expected(transactions: list[Transaction]) -> list[list[float]]:
    """Return what each transaction sees, worked out one by one from the definition."""
    seen: dict[int, list[tuple[int, float, int]]] = {}
    rows = []
    for customer, seconds, amount, number in transactions:
        stored = seen.setdefault(customer, [])
        earlier = sorted((event for event in stored if event[0] < seconds), key=lambda event: event[0])
        last = earlier[-1][1] if earlier else math.nan
        row = [seconds - earlier[-1][0], last, risk(last)] if earlier else [math.nan] * 3
        for window in WINDOWS:
            inside = [event for event in earlier if event[0] >= seconds - window]
            nights = [event for event in inside if event[0] % 86_400 >= 22 * 3_600 or event[0] % 86_400 < 4 * 3_600]
            risks = sum(risk(event[1]) for event in inside)
            row += [len(inside), round(sum(event[1] for event in inside), 2), len(nights), risks]
        row.append(round(amount * len(earlier) / sum(event[1] for event in earlier), 4) if earlier else math.nan)
        rows.append([*row, len(earlier)])
        if (seconds, number) not in [(event[0], event[2]) for event in stored]:
            stored.append((seconds, amount, number))
    return rows


def same(found: NDArray[np.float64], expected: list[list[float]]) -> bool:
    return np.allclose(found, np.array(expected).reshape(-1, len(PAST)), rtol=0, atol=1.1e-4, equal_nan=True)


@settings(max_examples=300)
@given(TRANSACTIONS, st.lists(st.integers(1, 60)), st.lists(st.booleans(), min_size=60, max_size=60))
def test_a_transaction_sees_the_same_past_however_its_stream_is_cut(
    transactions: list[Transaction], cuts: list[int], restarts: list[bool]
) -> None:
    """In batches of any size, with restores from the changelog in between, in any order of event times."""
    history, records = History(NUMBERS), []
    values, at = [], 0
    for size, restart in zip([*cuts, 60], restarts, strict=False):
        batch = events(transactions[at : at + size])
        past = history.observe(batch, READINGS)
        records += written(batch, past)
        values.append(past.values)
        at += size
        if restart:
            history = from_records(NUMBERS, records).history
    assert same(np.vstack(values), expected(transactions[:at]))


def test_a_repeated_transaction_counts_once_and_sees_the_same() -> None:
    """Sent again in the same batch or later, it sees what it saw at first, and others see it once."""
    history = History(NUMBERS)
    stream = [(1, MONDAY + hour * 3_600, 10.0, hour) for hour in range(5)]
    first = history.observe(events([*stream, *stream]), READINGS)
    again = history.observe(events([*stream, (1, MONDAY + 9 * 3_600, 10.0, 9)]), READINGS)

    assert first.stored.tolist() == [True] * 5 + [False] * 5
    assert np.array_equal(first.values[:5], first.values[5:], equal_nan=True)
    assert np.array_equal(first.values[:5], again.values[:5], equal_nan=True)
    assert again.values[5, PAST.index("count_so_far")] == 5


def test_transactions_of_the_same_minute_do_not_see_each_other() -> None:
    """Only strictly earlier event time counts."""
    past = History(NUMBERS).observe(
        events([(1, MONDAY, 10.0, 1), (1, MONDAY, 20.0, 2), (1, MONDAY + 60, 30.0, 3)]), READINGS
    )

    assert past.values[:, PAST.index("count_so_far")].tolist() == [0, 0, 2]
    assert past.values[2, PAST.index("amount_over_mean")] == pytest.approx(2)


def test_a_first_transaction_has_an_empty_past_not_a_missing_one() -> None:
    """Counts are 0; what does not exist is NaN."""
    [row] = History(NUMBERS).observe(events([(1, MONDAY, 10.0, 1)]), READINGS).values

    assert row[PAST.index("count_72h")] == 0
    assert math.isnan(row[PAST.index("seconds_since_last")])


def test_old_events_make_room_and_live_on_in_the_sums() -> None:
    """Mean and count go over all the past; a restored history goes on the same way."""
    stream = [(1, MONDAY + n * 3_600, 1.0 + n % 7, n) for n in range(3 * MOST_EVENTS)]
    history, records = History(NUMBERS), []
    for at in range(0, len(stream), 500):
        batch = events(stream[at : at + 500])
        past = history.observe(batch, READINGS)
        records += written(batch, past)
    later = events([(1, MONDAY + 4_000 * 3_600, 8.0, 9_999)])
    amounts = [amount for _, _, amount, _ in stream]

    for remaining in (from_records(NUMBERS, records).history, history):
        past = remaining.observe(later, READINGS)
        assert past.values[0, PAST.index("count_so_far")] == len(stream)
        assert past.values[0, PAST.index("amount_over_mean")] == pytest.approx(8 * len(stream) / sum(amounts), abs=1e-4)


def test_what_comes_too_late_sees_nothing_and_is_not_stored() -> None:
    """A transaction older than everything stored of its customer, once something was evicted."""
    history = History(NUMBERS)
    history.observe(events([(1, MONDAY + n * 60, 1.0, n) for n in range(2 * MOST_EVENTS)]), READINGS)
    late = history.observe(events([(1, MONDAY, 1.0, 0), (2, MONDAY, 1.0, 0)]), READINGS)

    assert late.stored.tolist() == [False, True]
    assert np.isnan(late.values[0]).all()


def test_compaction_does_not_change_what_is_restored() -> None:
    """Only the last record of each key counts, as in a compacted topic."""
    history, records = History(NUMBERS), []
    for at in range(0, 2 * MOST_EVENTS, 400):
        batch = events([(n % 3, MONDAY + n * 60, 1.0, n) for n in range(at, at + 400)])
        past = history.observe(batch, READINGS)
        records += written(batch, past)
    compacted = list({key: (key, value) for key, value in records}.values())
    probe = events([(customer, MONDAY + 10**6, 5.0, 1) for customer in range(3)])

    assert np.array_equal(
        from_records(NUMBERS, compacted).history.observe(probe, READINGS).values,
        from_records(NUMBERS, records).history.observe(probe, READINGS).values,
    )


def test_records_that_are_mostly_evicted_are_rewritten() -> None:
    """The changelog stays in bounds: after the rewrites it restores the same history from less."""
    history, records = History(NUMBERS), []
    for at in range(0, 8 * MOST_EVENTS, 100):
        batch = events([(1 + n % 2, MONDAY + n * 60, 1.0, n) for n in range(at, at + 100)])
        past = history.observe(batch, READINGS)
        records += written(batch, past)
    restored = from_records(NUMBERS, records)
    rewrites = [(record["key"] or b"", record["value"]) for record in restored.rewrites]
    compacted = {key: value for key, value in records + rewrites if value is not None}
    for key, value in rewrites:
        if value is None:
            del compacted[key]
    again = from_records(NUMBERS, list(compacted.items()))
    probe = events([(customer, MONDAY + 10**6, 5.0, 1) for customer in (1, 2)])

    assert sum(map(len, compacted.values())) < 0.5 * sum(len(value or b"") for _, value in records)
    assert again.rewrites == []
    assert np.array_equal(
        again.history.observe(probe, READINGS).values, restored.history.observe(probe, READINGS).values
    )


def test_a_changelog_of_another_version_is_refused() -> None:
    """Its records would be taken for other transactions."""
    with pytest.raises(Stop, match="does not know"):
        from_records(NUMBERS, [(bytes(12), bytes(20))])
