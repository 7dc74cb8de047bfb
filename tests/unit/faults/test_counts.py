"""What the fault suite counts: a fault of any kind is noted, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest

from services.scorer.models.load import load_model
from services.scorer.score import Model
from tests.faults.invariant import Findings, Log, compare_acknowledged, compare_scores, compare_topics
from tests.faults.tally import summed_up
from tests.support.contracts import customer_key
from tests.support.messages import TRANSACTION, nested
from tests.support.models import write_probe
from tests.support.recompute import recomputed


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(write_probe(tmp_path_factory.mktemp("probe")))


@pytest.fixture
def log(model: Model) -> Log:
    """Three transactions of a customer, scored as they should be."""
    log = Log()
    for offset, hour in enumerate((10, 11, 12)):
        name = f"at {hour}"
        log.inputs[0, offset] = name
        log.transactions[0, offset] = (
            customer_key(TRANSACTION),
            nested(name, transaction_time=f"2019-09-14 {hour}:00"),
        )
    for place, score in recomputed(log.transactions, model, "transactions").items():
        log.scores[place] = score
    return log


def found(log: Log, model: Model) -> Findings:
    findings = Findings()
    compare_topics(log, findings)
    compare_acknowledged(log, {(0, 1): "at 11", (0, -1): "at 12"}, findings)
    compare_scores(log, model, "transactions", findings)
    return findings


def test_nothing_is_noted_where_nothing_is_wrong(log: Log, model: Model) -> None:
    """Three records, three scores."""
    findings = found(log, model)

    findings.check()
    assert (findings.records, findings.scores, findings.lost, findings.doubled) == (3, 3, 0, 0)


def lose(log: Log) -> None:
    del log.scores[0, 1]


def double(log: Log) -> None:
    log.scores[0, 3] = log.scores[0, 1]


def double_a_flagged_one(log: Log) -> None:
    double(log)
    log.flagged, log.alerts = ["at 11", "at 11"], {(0, 0): "at 11"}


def lose_an_alert(log: Log) -> None:
    log.flagged = ["at 11"]


def double_an_alert(log: Log) -> None:
    log.flagged, log.alerts = ["at 11"], {(0, 0): "at 11", (0, 1): "at 11"}


def double_a_dead_letter(log: Log) -> None:
    del log.scores[0, 2]
    log.dead = [(0, 2), (0, 2)]


def swap(log: Log) -> None:
    log.scores[0, 0], log.scores[0, 1] = log.scores[0, 1], log.scores[0, 0]


def forget_the_past(log: Log) -> None:
    log.scores[0, 2] = (log.scores[0, 2][0], log.scores[0, 0][1])


def lose_an_input(log: Log) -> None:
    for of in (log.inputs, log.transactions, log.scores):
        del of[0, 1]


def lose_an_input_whose_offset_nobody_knows(log: Log) -> None:
    for of in (log.inputs, log.transactions, log.scores):
        del of[0, 2]


@pytest.mark.parametrize(
    ("harm", "said", "lost", "doubled"),
    [
        (lose, "transactions without a score", 1, 0),
        (double, "scores too many", 0, 1),
        (double_a_flagged_one, "scores too many", 0, 1),
        (lose_an_alert, "flagged transactions without an alert", 1, 0),
        (double_an_alert, "alerts too many", 0, 1),
        (double_a_dead_letter, "dead letters too many", 0, 1),
        (swap, "scores out of order", 0, 0),
        (forget_the_past, "not those of one pass over the log", 0, 0),
        (lose_an_input, "acknowledged transactions that are gone", 1, 0),
        (lose_an_input_whose_offset_nobody_knows, "acknowledged transactions that are gone", 1, 0),
    ],
)
def test_each_kind_of_harm_is_noted(
    log: Log, model: Model, harm: Callable[[Log], None], said: str, lost: int, doubled: int
) -> None:
    """By its name and, where something is lost or doubled, by how many."""
    harm(log)

    findings = found(log, model)

    assert any(said in fault for fault in findings.faults)
    assert (findings.lost, findings.doubled) == (lost, doubled)
    with pytest.raises(AssertionError, match=said):
        findings.check()


def test_controls_stand_apart() -> None:
    """What is to lose and to double does not count as lost and doubled."""
    counts = {"records": 5, "scores": 5, "dead_letters": 0, "aborted": 2, "lost": 0, "doubled": 0}
    sound: dict[str, Any] = counts | {
        "control": False,
        "faults": {"kill -9 scorer": 2},
        "exits": {"scorer": {"-9": 3, "0": 1}, "sink": {"0": 1}},
        "recovery_seconds": {"scorer": [2.0, 1.0, 4.0]},
    }

    told = summed_up([sound, sound, sound | {"control": True, "doubled": 7}])

    assert (told["cases"], told["records"], told["doubled"]) == (2, 10, 0)
    assert told["kills"] == {"scorer": 6, "sink": 0}
    assert told["faults"] == {"kill -9 scorer": 4}
    assert told["recovery_seconds"] == {"scorer": {"times": 6, "median": 2.0, "longest": 4.0}}
    assert (told["controls"]["cases"], told["controls"]["doubled"]) == (1, 7)
