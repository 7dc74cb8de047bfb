"""A family that is no cards: features of its contract equal a plain computation, late and repeated records included."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.support.families import handbook

DAY = 86_400


def test_the_contract_of_terminals_has_at_most_forty_lines() -> None:
    assert len(handbook.CONTRACT.read_text(encoding="utf-8").splitlines()) <= 40


@pytest.mark.slow
def test_features_of_terminals_equal_a_plain_computation() -> None:
    payments = handbook.simulate(customers=1_700, terminals=2_000, days=62, seed=4)
    frame = pd.DataFrame(payments.rows())
    frame["seconds"] = payments.seconds
    frame["id"] = np.arange(len(frame)).astype(str)
    frame = _late_and_repeated(frame, np.random.default_rng(9))
    assert len(frame) > 200_000

    found = handbook.features_of(frame[list(handbook.FIELDS)].to_dict("records"), frame["id"].tolist())

    expected = _plainly(frame)
    assert found.shape == expected.shape
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-5, equal_nan=True)


def _late_and_repeated(frame: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Let one in twenty arrive up to two days late, and one in fifty come twice."""
    arrival = frame["seconds"] + np.where(random.random(len(frame)) < 0.05, random.integers(0, 2 * DAY, len(frame)), 0)
    again = random.random(len(frame)) < 0.02
    both = pd.concat([frame.assign(arrival=arrival), frame[again].assign(arrival=arrival[again] + 3_600)])
    return both.sort_values("arrival", kind="stable").reset_index(drop=True)


def _plainly(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Return what each record should see: of its customer, what arrived before and lies strictly earlier."""
    time = pd.to_datetime(frame["TX_DATETIME"])
    night = (time.dt.hour < 6).to_numpy().astype(float)
    columns = {
        "amount": frame["TX_AMOUNT"].to_numpy(),
        "weekday": time.dt.day_of_week.to_numpy(),
        "night": night,
        **{name: np.zeros(len(frame)) for name in ("count_1d", "mean_1d", "count_7d", "mean_7d", "count_30d")},
        **{name: np.zeros(len(frame)) for name in ("mean_30d", "nights_30d", "most_30d", "ratio")},
    }
    first = ~frame.duplicated("id").to_numpy()
    seconds, amounts = frame["seconds"].to_numpy(), columns["amount"]
    for rows in frame.groupby("CUSTOMER_ID").indices.values():
        for place, row in enumerate(rows):
            before = np.asarray(rows)[:place]
            before = before[first[before]]
            before = before[seconds[before] < seconds[row]]
            for days in (1, 7, 30):
                inside = before[seconds[before] >= seconds[row] - days * DAY]
                columns[f"count_{days}d"][row] = len(inside)
                columns[f"mean_{days}d"][row] = amounts[inside].mean() if len(inside) else np.nan
            columns["nights_30d"][row] = night[inside].sum()
            columns["most_30d"][row] = amounts[inside].max() if len(inside) else np.nan
            mean = amounts[before].mean() if len(before) else 0.0
            columns["ratio"][row] = amounts[row] / mean if mean else np.nan
    return np.stack(list(columns.values()), axis=1).astype(np.float64)
