"""What more load takes, computed from figures; and the scorer as a queue."""

import numpy as np
import pytest

from bench.figures import figure
from bench.queue import Server, seconds_to_catch_up, waiting_times
from bench.scale import BEGIN, END, REPLICAS, UTILISATION, Measured, document, plan, with_figures
from bench.table import Results
from services.common.errors import Stop

SERVER = Server(batch_seconds=0.010, message_seconds=20e-6)
MEASURED = Measured(
    micros={"broker": 10.0, "scorer": 30.0, "sink": 20.0, "postgres": 20.0},
    bytes={"transactions": 200.0, "scores": 50.0, "history": 50.0, "tables": 400.0, "wal": 500.0},
    scorer_rate=40_000.0,
)
RESULTS = Results(
    machine={"date": "2026-01-01", "cores": "2 cores"},
    rounds=1,
    sections={
        "cost": {
            "title": "cost",
            "figures": {f"cost_{part}": figure(part, [micros], "CPU us") for part, micros in MEASURED.micros.items()}
            | {f"bytes_{place}": figure(place, [size], "bytes") for place, size in MEASURED.bytes.items()},
        },
        "rates": {"title": "rates", "figures": {"scorer": figure("scorer", [40_000], "messages/s")}},
        "cpu": {"title": "cpu", "figures": {"cpu_4_ratio": figure("4 processes / 1", [0.97], "x")}},
    },
    left_out=[],
)


@pytest.mark.parametrize("load", [0.2, 0.5, 0.8])
def test_batches_grow_with_the_load_as_the_formula_predicts(load: float) -> None:
    """A batch takes fixed / (1 - rate * message seconds): it holds what arrived during the one before it."""
    rate = load / SERVER.message_seconds
    batch = SERVER.batch_seconds / (1 - load)

    found = waiting_times(SERVER, rate, seconds=8)

    assert np.mean(found[len(found) // 2 :]) == pytest.approx(1.5 * batch, rel=0.15)


def test_above_its_capacity_the_queue_grows_without_end() -> None:
    """The last message waits for all the excess before it."""
    rate = 1.2 * SERVER.capacity

    last = waiting_times(SERVER, rate, seconds=10)[-1]

    assert last == pytest.approx(10 * 0.2, rel=0.1)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.9])
def test_after_a_failure_the_queue_has_recovered_when_the_formula_predicts(load: float) -> None:
    """Before that moment messages still wait longer than normal, soon after it they do not."""
    outage, rate = 5.0, load * SERVER.capacity
    catch_up = seconds_to_catch_up(SERVER, rate, outage)
    normal = waiting_times(SERVER, rate, 4).max()

    found = waiting_times(SERVER, rate, outage + 1.4 * catch_up, outage=outage)
    early, late = (int(rate * (outage + share * catch_up)) for share in (0.5, 1.2))

    assert found[0] > outage
    assert found[early] > 2 * normal
    assert found[late:].max() < 2 * normal


@pytest.mark.parametrize("rate", [10_000, 100_000, 1_000_000])
def test_a_plan_has_spare_capacity_and_equal_shares_of_partitions(rate: int) -> None:
    """No scorer is planned above UTILISATION, none idles, and one may fail."""
    made = plan(MEASURED, rate)

    assert rate / made.scorers <= UTILISATION * MEASURED.scorer_rate
    assert made.scorers >= 2
    assert made.partitions % made.scorers == 0
    assert made.partitions >= 6
    assert made.cores["scorer"] == pytest.approx(rate * 30 / 1e6)
    assert made.cores["broker"] == pytest.approx(rate * REPLICAS * 10 / 1e6)


def test_the_document_is_replaced_between_its_marks() -> None:
    """The rest stays; writing it twice changes nothing."""
    text = f"before\n{BEGIN}old\n{END}after\n"

    once = with_figures(text, document(RESULTS))

    assert once.startswith("before\n")
    assert once.endswith("after\n")
    assert "old" not in once
    assert "| total | 100 us | 100 | 0.00111 |" in once
    assert "4 processes / 1 0.97" in once
    assert with_figures(once, document(RESULTS)) == once


def test_results_without_costs_are_refused() -> None:
    """Rather than a table of nothing."""
    with pytest.raises(Stop, match="cost"):
        Measured.of(RESULTS | {"sections": {}})
