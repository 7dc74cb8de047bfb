"""A model that fails is dropped for the last one that scored; what it has no score for is left out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from services.common.errors import Reason, Retry, Stop
from services.scorer import metrics
from services.scorer.models.load import load_model
from services.scorer.models.reload import ModelHolder
from services.scorer.score import Model, ModelFailed, reject_unscored, score_bisecting
from services.tools.backfill.score import Rescorer
from tests.support.messages import flat
from tests.support.models import write_constant, write_trap

FAILED = Stop("it fails")
TRAP = 1_337.0


def model(tmp_path: Path, version: str, score: float = 0.25) -> Model:
    return load_model(write_constant(tmp_path / version, version, score))


def swap(models: ModelHolder, to: Model) -> None:
    models.stage(to)
    models.swap_pending()


def failures() -> float:
    return float(metrics.FAILURES._value.get())


def versions_in_use() -> set[str]:
    return {s.labels["version"] for metric in metrics.MODEL.collect() for s in metric.samples if s.value}


def test_a_model_that_fails_is_dropped_for_the_one_before(tmp_path: Path) -> None:
    """The batch is read again, metrics name the model that goes on."""
    a, b = model(tmp_path, "drop-a"), model(tmp_path, "drop-b")
    models, before = ModelHolder(a), failures()
    swap(models, b)

    with pytest.raises(Retry, match="drop-b failed and was dropped for drop-a: it fails"):
        models.drop(b, FAILED)

    assert models.model is a
    assert failures() == before + 1
    assert "drop-a" in versions_in_use()
    assert "drop-b" not in versions_in_use()


def test_a_model_that_never_scored_is_no_good_one(tmp_path: Path) -> None:
    """The one that is gone back to has written a batch, not merely been in between."""
    a, b, c = (model(tmp_path, version) for version in "abc")
    models = ModelHolder(a)
    swap(models, b)
    swap(models, c)

    with pytest.raises(Retry, match="dropped for a"):
        models.drop(c, FAILED)

    swap(models, b)
    models.has_scored(b)
    swap(models, c)
    with pytest.raises(Retry, match="dropped for b"):
        models.drop(c, FAILED)


def test_without_a_model_before_it_the_one_in_use_goes_on(tmp_path: Path) -> None:
    """There is nothing better; the failure is counted and logged."""
    a, before = model(tmp_path, "a"), failures()
    models = ModelHolder(a)
    models.drop(a, FAILED)

    assert models.model is a
    assert failures() == before + 1


def test_a_batch_of_a_model_that_was_replaced_is_scored_by_its_successor(tmp_path: Path) -> None:
    """The failure of the old one drops nobody."""
    a, b = model(tmp_path, "a"), model(tmp_path, "b")
    models = ModelHolder(a)
    swap(models, b)

    with pytest.raises(Retry):
        models.drop(a, FAILED)
    assert models.model is b


def test_a_model_without_a_score_for_too_many_is_dropped_before_they_are_written(tmp_path: Path) -> None:
    """What reaches the limit counts, over batches; a score between starts over, and so does another model."""
    a, b = model(tmp_path, "a"), model(tmp_path, "b")
    models = ModelHolder(a, limit=(0, 10))
    swap(models, b)
    for asked, unscored in ((9, range(9)), (1, ()), (9, range(9))):
        models.check(b, asked, unscored)
        models.has_scored(b, asked, unscored)
    models.check(a, 10, range(10))  # it is not in use any more

    with pytest.raises(Retry, match="b failed and was dropped for a: 10 messages in a row"):
        models.check(b, 2, [0])
    assert models.model is a
    models.check(a, 9, range(9))


def test_a_model_that_nothing_can_replace_is_reported_once(tmp_path: Path) -> None:
    """It may fail on every batch: the metric counts, the log does not fill."""
    a, before = model(tmp_path, "a"), failures()
    models = ModelHolder(a, limit=(0, 10))
    with capture_logs() as logs:
        for _ in range(3):
            models.check(a, 10, range(10))
    assert failures() == before + 3
    assert [(line["event"], line["goes_on_with"]) for line in logs] == [("model_failed", None)]


@pytest.mark.parametrize("raises", [True, False])
def test_rows_without_a_score_are_found_among_all(tmp_path: Path, raises: bool) -> None:
    """Whether the model raises an error for the whole batch or says NaN, the others have theirs."""
    trap = load_model(write_trap(tmp_path, "trap", 0.25, TRAP, raises=raises))
    amounts = [TRAP if n in {0, 500, 999} else 10.0 for n in range(1_000)]
    columns, _ = trap.decoder.decode([flat(f"{n}", amount=amount) for n, amount in enumerate(amounts)], str)
    features = trap.features(columns)
    if raises:
        with pytest.raises(ModelFailed, match="out of data bounds"):
            trap.score(features)
    scores = score_bisecting(trap, features)
    left, places, rejects = reject_unscored(columns, scores, trap)

    assert rejects.keys() == {0, 500, 999}
    assert {reject.reason for reject in rejects.values()} == {Reason.NO_SCORE}
    assert "trap" in rejects[0].message
    assert len(left) == len(places) == 997
    assert left.ids[0] == "1"
    assert set(scores[places].tolist()) == {0.25}
    assert left.numbers["amount"].max() == 10.0
    assert np.array_equal(left.rows, places)


class Message:
    """As much of a message as a backfill reads."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def value(self) -> bytes:
        return self._value


@pytest.mark.parametrize("raises", [True, False])
def test_a_backfill_counts_what_the_model_has_no_score_for(tmp_path: Path, raises: bool) -> None:
    """It is rejected there as it would be live; the others are compared."""
    trap = load_model(write_trap(tmp_path, "trap", 0.25, TRAP, raises=raises))
    rescorer = Rescorer(trap, [0])
    messages: list[Any] = [Message(flat("a", amount=TRAP)), Message(flat("b", amount=1.0))]

    assert rescorer.score(messages) == [("b", 0.25, 0)]
    assert rescorer.rejected == 1
