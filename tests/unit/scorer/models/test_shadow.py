"""A shadow compares and never harms."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import orjson
import pytest
from confluent_kafka import KafkaError, KafkaException

from services.common.kafka.assignment import Batch
from services.common.settings import KafkaSettings
from services.scorer.models import shadow as models_shadow
from services.scorer.models.load import load_model
from services.scorer.models.shadow import WAITING_BATCHES, ScoredBatch, Shadow, ShadowPublisher
from services.scorer.score import Model
from services.sink.decode import decode_model_message
from services.sink.tables import TALLIES
from tests.support.contracts import contract
from tests.support.messages import nested
from tests.support.models import write_constant, write_trap

NEVER = 3_600.0


class Message:
    """The one thing a shadow asks of a Kafka message."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def value(self) -> bytes:
        return self._value


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """The model in use: 0.25 for every transaction."""
    return load_model(write_constant(tmp_path / "model", "a", 0.25))


def scored(model: Model, *values: bytes) -> ScoredBatch:
    columns, _ = model.decoder.decode(values, str)
    features = model.features(columns)
    scores = model.score(features)
    messages: Any = [Message(value) for value in values]
    return ScoredBatch(Batch(messages), columns, features, scores, model.flag(scores), model)


def tallies(*records: dict[str, bytes | None]) -> list[dict[str, Any]]:
    rows = [decode_model_message(record["value"], 0, 0, n) for n, record in enumerate(records)]
    return [dict(zip(TALLIES.columns, row, strict=True)) for kind, row in rows if kind == "tally"]


def test_scores_and_flags_of_both_models_are_compared(model: Model, tmp_path: Path) -> None:
    """Sums over all batches, published once, in the form the sink stores."""
    published: list[dict[str, bytes | None]] = []
    shadow = Shadow(published.append, publish_seconds=NEVER)
    shadow.stage(load_model(write_constant(tmp_path / "shadow", "b", 0.875)))
    shadow.compare(scored(model, *[nested(f"{n}") for n in range(3)]))
    shadow.compare(scored(model, nested("x")))
    shadow.close()

    [tally] = tallies(*published)
    assert (tally["model_version"], tally["shadow_version"]) == ("a", "b")
    assert (tally["scored"], tally["skipped"], tally["only_shadow"], tally["only_model"]) == (4, 0, 4, 0)
    assert (tally["shift"], tally["absolute_shift"], tally["largest_shift"]) == (2.5, 2.5, 0.625)
    assert tally["cpu_seconds"] > 0


def test_a_shadow_that_wants_other_fields_reads_them_itself_and_skips_what_it_cannot(
    model: Model, tmp_path: Path
) -> None:
    """What only the shadow needs is no reason to reject a transaction."""
    published: list[dict[str, bytes | None]] = []
    shadow = Shadow(published.append, publish_seconds=NEVER)
    shadow.stage(load_model(write_constant(tmp_path / "shadow", "b", 0.125, contract(("amount", "distance_km")))))
    shadow.compare(scored(model, nested("0"), nested("1", lat="north"), nested("2")))
    shadow.close()

    [tally] = tallies(*published)
    assert (tally["scored"], tally["skipped"], tally["absolute_shift"]) == (2, 1, 0.25)


def test_what_the_shadow_has_no_time_for_is_skipped_and_counted(model: Model, tmp_path: Path) -> None:
    """The writing thread never waits for it."""
    published: list[dict[str, bytes | None]] = []
    free = threading.Event()

    class Slow:
        def run(self, *arguments: Any) -> Any:
            free.wait(30)
            return loaded.session.session.run(*arguments)

    loaded = load_model(write_constant(tmp_path / "shadow", "b", 0.875))
    shadow = Shadow(published.append, publish_seconds=NEVER)
    shadow.stage(replace(loaded, session=replace(loaded.session, session=Slow())))
    for n in range(20):
        shadow.compare(scored(model, nested(f"{n}")))
    free.set()
    shadow.close()

    [tally] = tallies(*published)
    assert tally["scored"] + tally["skipped"] == 20
    assert WAITING_BATCHES <= tally["scored"] <= WAITING_BATCHES + 1


def test_a_shadow_that_fails_is_dropped_until_another_one_comes(model: Model, tmp_path: Path) -> None:
    """Its error stays its own."""

    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    published: list[dict[str, bytes | None]] = []
    good = load_model(write_constant(tmp_path / "shadow", "b", 0.875))
    shadow = Shadow(published.append, publish_seconds=0)
    shadow.stage(replace(good, session=replace(good.session, session=Broken())))
    shadow.compare(scored(model, nested("0")))
    while shadow.model is not None:
        shadow.compare(scored(model, nested("1")))
    shadow.stage(good)
    shadow.compare(scored(model, nested("2")))
    shadow.close()
    assert sum(tally["scored"] for tally in tallies(*published)) == 1


def test_what_the_shadow_has_no_score_for_is_skipped(model: Model, tmp_path: Path) -> None:
    """The sums stay finite: one NaN would make the whole tally unreadable."""
    published: list[dict[str, bytes | None]] = []
    shadow = Shadow(published.append, publish_seconds=NEVER)
    shadow.stage(load_model(write_trap(tmp_path / "shadow", "b", 0.875, 1_337.0, raises=False)))
    shadow.compare(scored(model, nested("0"), nested("1", amount=1_337.0), nested("2")))
    shadow.close()

    [tally] = tallies(*published)
    assert (tally["scored"], tally["skipped"], tally["absolute_shift"]) == (2, 1, 1.25)


def test_of_another_pair_of_models_a_tally_of_its_own_is_kept(model: Model, tmp_path: Path) -> None:
    """What two models said is not mixed with what a third one said."""
    published: list[dict[str, bytes | None]] = []
    shadow = Shadow(published.append, publish_seconds=NEVER)
    shadow.stage(load_model(write_constant(tmp_path / "shadow", "c", 0.5)))
    other = load_model(write_constant(tmp_path / "other", "b", 0.75))
    shadow.compare(scored(model, nested("0")))
    shadow.compare(scored(other, nested("1"), nested("2")))
    shadow.close()
    found = [(tally["model_version"], tally["scored"], tally["both_flagged"]) for tally in tallies(*published)]
    assert found == [("a", 1, 0), ("b", 2, 2)]


def test_features_of_the_same_contract_are_not_made_again(model: Model, tmp_path: Path) -> None:
    """The shadow's cost is then that of its trees alone."""
    published: list[dict[str, bytes | None]] = []
    shadow = Shadow(published.append, publish_seconds=NEVER)
    shadow.stage(load_model(write_constant(tmp_path / "shadow", "b", 0.875)))
    batch = scored(model, nested("0"))
    shadow.compare(replace(batch, columns=replace(batch.columns, numbers={}), features=np.ones((1, 2), np.float32)))
    shadow.close()
    assert orjson.loads(published[0]["value"] or b"")["tally"]["scored"] == 1


class FakeProducer:
    """A producer whose first instance takes one message and then fails fatally."""

    made: ClassVar[list["FakeProducer"]] = []

    def __init__(self, _: object) -> None:
        self.taken = 0
        FakeProducer.made.append(self)

    def produce(self, *_: object) -> None:
        if self is FakeProducer.made[0] and self.taken:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        self.taken += 1

    def poll(self, timeout: float) -> int:
        return int(timeout)


def test_a_producer_that_failed_for_good_is_recreated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message that met the error is sent by the new one, and so are those after it."""
    monkeypatch.setattr(FakeProducer, "made", [])
    monkeypatch.setattr(models_shadow, "Producer", FakeProducer)
    publisher = ShadowPublisher(KafkaSettings(), "models")

    for _ in range(3):
        publisher.publish({"key": b"tally", "value": b"{}"})

    assert [producer.taken for producer in FakeProducer.made] == [1, 2]
