"""Another model takes over while messages flow: real Kafka, real PostgreSQL, the services as processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from confluent_kafka import Producer

from conftest import Start
from services.common.settings import TopicSettings
from services.scorer.models.load import load_model
from services.tools.doctor.finding import Status
from services.tools.doctor.probes import check_model_in_use
from tests.support.contracts import contract, write_contract
from tests.support.messages import keyed, nested
from tests.support.models import write_constant, write_trap
from tests.support.processes import wait_for
from tests.support.recompute import recomputed
from tests.support.topics import produce, read_all
from ui.threshold.models import ScoringModel, model_in_use, read_models

ROOT = Path(__file__).resolve().parents[2]
EVERY_MS = {"SCORER_MODEL_POLL_MS": "100"}
SCORE_OF = {"a": 0.125, "b": 0.875}
TRAP = 1_337.0


def scored(kafka: str, topics: TopicSettings) -> list[tuple[str, float]]:
    bodies = [orjson.loads(message.value() or b"") for message in read_all(kafka, topics.scores)]
    return [(body["transaction_id"], body["score"]) for body in bodies]


def test_each_score_is_of_one_model_and_can_be_traced_to_it(
    kafka: str, topics: TopicSettings, start: Start, mart: "psycopg.Connection[Any]", tmp_path: Path
) -> None:
    """Swapped under load: every transaction is scored once, by the old or the new model, and SQL names the right one.

    Also for transactions that were sent again after the swap.
    """
    folder = write_constant(tmp_path / "model", "a", SCORE_OF["a"])
    scorer = start("scorer", SCORER_MODEL_DIR=str(folder), SCORER_BATCH_MAX_MESSAGES="200", **EVERY_MS).wait_ready()
    sink = start("sink").wait_ready()
    for number in range(20):
        produce(kafka, topics.transactions, [nested(f"{number}-{n}") for n in range(500)])
        if number == 9:
            write_constant(folder, "b", SCORE_OF["b"])
            wait_for(lambda: scorer.metrics()['fraud_scorer_model_reloads_total{result="swapped"}'] == 1, 20)
    produce(kafka, topics.transactions, [nested(f"0-{n}") for n in range(500)])
    wait_for(lambda: len(scored(kafka, topics)) == 10_500, 60, lambda: f"{len(scored(kafka, topics))}")

    by_id: dict[str, list[float]] = {}
    for name, score in scored(kafka, topics):
        by_id.setdefault(name, []).append(score)
    assert len(by_id) == 10_000
    assert {tuple(by_id[f"0-{n}"]) for n in range(500)} == {(SCORE_OF["a"], SCORE_OF["b"])}
    assert {tuple(scores) for name, scores in by_id.items() if name.startswith("19-")} == {(SCORE_OF["b"],)}
    assert "model_swapped" in scorer.text()

    kept = "select count(*) from scores_with_models where model_version is not null"
    wait_for(lambda: mart.execute(kept).fetchone() == (10_000,), 60, lambda: sink.text()[-2_000:])
    newest = "select count(*) from scores where score = 0.875 and transaction_id like '0-%'"
    wait_for(lambda: mart.execute(newest).fetchone() == (500,), 60)
    pairs = "select distinct model_version, score from scores_with_models order by 1"
    assert mart.execute(pairs).fetchall() == list(SCORE_OF.items())
    assert [(one.model_version, one.threshold) for one in read_models(mart).starts] == [("b", 0.5), ("a", 0.5)]
    assert model_in_use(mart) == ScoringModel("b", 0.5)


def test_a_refused_model_changes_nothing(kafka: str, topics: TopicSettings, start: Start, tmp_path: Path) -> None:
    """The line names the reason, the metric counts it, and the model in use goes on."""
    folder = write_constant(tmp_path / "model", "a", SCORE_OF["a"])
    scorer = start("scorer", SCORER_MODEL_DIR=str(folder), **EVERY_MS).wait_ready()
    other = write_constant(tmp_path / "other", "b", SCORE_OF["b"])
    swapped = write_contract(folder, contract(("hour", "amount")))  # the golden features give it away
    manifest = orjson.loads((other / "manifest.json").read_bytes()) | {"contract_sha256": swapped.sha256}
    shutil.copy(other / "probe.onnx", folder)
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    refused = 'fraud_scorer_model_reloads_total{result="refused"}'
    wait_for(lambda: scorer.metrics()[refused] >= 1, 20, scorer.text)
    produce(kafka, topics.transactions, [nested("x")])
    wait_for(lambda: scored(kafka, topics) == [("x", SCORE_OF["a"])], 20)

    assert scorer.metrics()['fraud_scorer_model_reloads_total{result="swapped"}'] == 0
    assert "model_refused" in scorer.text()


@pytest.mark.slow
def test_a_shadow_is_compared_and_a_broken_one_refused_while_every_transaction_is_scored(
    kafka: str, topics: TopicSettings, start: Start, mart: "psycopg.Connection[Any]", tmp_path: Path
) -> None:
    """The scores are the model's alone; what the shadow would have said reaches SQL as a sum."""
    model = write_constant(tmp_path / "model", "a", SCORE_OF["a"])
    folder = tmp_path / "shadow"
    folder.mkdir()
    (folder / "manifest.json").write_bytes(b"{}")
    scorer = start("scorer", SCORER_MODEL_DIR=str(model), SCORER_SHADOW_MODEL_DIR=str(folder), **EVERY_MS).wait_ready()
    produce(kafka, topics.transactions, [nested(f"before-{n}") for n in range(100)])
    wait_for(lambda: len(scored(kafka, topics)) == 100, 30)
    write_constant(folder, "b", SCORE_OF["b"])
    wait_for(lambda: scorer.metrics()['fraud_scorer_shadow_model_reloads_total{result="swapped"}'] == 1, 20)
    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(1_000)])
    wait_for(lambda: len(scored(kafka, topics)) == 1_100, 30)
    assert scorer.terminate() == 0
    assert start("sink", "--until-empty").finish() == 0

    assert {score for _, score in scored(kafka, topics)} == {SCORE_OF["a"]}
    sums = "select sum(scored + skipped), sum(only_shadow) - sum(scored), sum(absolute_shift) - 0.75 * sum(scored)"
    told = mart.execute(f"{sums} from shadow_tallies where (model_version, shadow_version) = ('a', 'b')").fetchone()
    assert told == (1_000, 0, 0)
    models = read_models(mart)
    assert [one.model_version for one in models.starts] == ["a"]
    assert models.comparison is not None
    assert (models.comparison.agreement, models.comparison.largest_shift) == (0, 0.75)


FAILURES = "fraud_scorer_model_failures_total"


def test_a_model_that_fails_later_is_dropped_and_nothing_is_lost(
    kafka: str, topics: TopicSettings, start: Start, tmp_path: Path
) -> None:
    """It raises an error at an amount that no trial could guess: that batch is scored by the last good one."""
    folder = write_constant(tmp_path / "model", "a", SCORE_OF["a"])
    scorer = start("scorer", SCORER_MODEL_DIR=str(folder), **EVERY_MS).wait_ready()
    [in_use] = [name for name in scorer.metrics() if name.startswith("fraud_scorer_model_info")]
    write_trap(folder, "b", SCORE_OF["b"], TRAP, raises=True)
    wait_for(lambda: scorer.metrics()['fraud_scorer_model_reloads_total{result="swapped"}'] == 1, 20)
    produce(kafka, topics.transactions, [nested("good")])
    wait_for(lambda: scored(kafka, topics) == [("good", SCORE_OF["b"])], 20)
    produce(kafka, topics.transactions, [nested(f"{n}", amount=TRAP if n == 7 else 5.0) for n in range(20)])
    wait_for(lambda: len(scored(kafka, topics)) == 21, 60, scorer.text)

    by_id = dict(scored(kafka, topics))
    assert by_id["7"] == SCORE_OF["a"]
    assert read_all(kafka, topics.dead_letters) == []
    found = scorer.metrics()
    assert found[FAILURES] == 1
    assert [name for name in found if name.startswith("fraud_scorer_model_info")] == [in_use]
    assert '"model_failed"' in scorer.text()
    [finding] = check_model_in_use(f"http://127.0.0.1:{scorer.probe_port}", folder)
    assert finding.status is Status.FAIL
    assert finding.text.startswith("the scorer uses a: b failed, was refused")
    assert scorer.terminate() == 0


@pytest.mark.slow
@pytest.mark.parametrize("raises", [True, False])
def test_a_transaction_without_a_score_is_a_dead_letter(
    kafka: str, topics: TopicSettings, start: Start, tmp_path: Path, raises: bool
) -> None:
    """Of a model that nothing is there to replace: never a score of null, and the others of the batch have theirs."""
    folder = write_trap(tmp_path / "model", "a", SCORE_OF["a"], TRAP, raises=raises)
    messages = [nested(f"{n}", amount=TRAP if n == 7 else 5.0) for n in range(20)]
    produce(kafka, topics.transactions, messages)
    scorer = start("scorer", "--until-empty", SCORER_MODEL_DIR=str(folder))
    assert scorer.finish() == 0, scorer.text()

    assert sorted(scored(kafka, topics)) == sorted((f"{n}", SCORE_OF["a"]) for n in range(20) if n != 7)
    [letter] = read_all(kafka, topics.dead_letters)
    headers = dict(letter.headers() or [])
    assert letter.value() == messages[7]
    assert headers["__fraud.errors.reason"] == b"no_score"
    assert headers["__fraud.errors.stage"] == b"score"


@pytest.mark.slow
def test_a_model_that_scores_next_to_nothing_is_dropped_at_the_reject_limit(
    kafka: str, topics: TopicSettings, start: Start, tmp_path: Path
) -> None:
    """The batch that breaks the limit was not written: the last good model scores it."""
    folder = write_constant(tmp_path / "model", "a", SCORE_OF["a"])
    limit = {"SCORER_REJECT_LIMIT_IN_A_ROW": "100"}
    scorer = start("scorer", SCORER_MODEL_DIR=str(folder), **EVERY_MS, **limit).wait_ready()
    write_trap(folder, "b", SCORE_OF["b"], TRAP, raises=False)
    wait_for(lambda: scorer.metrics()['fraud_scorer_model_reloads_total{result="swapped"}'] == 1, 20)
    produce(kafka, topics.transactions, [nested(f"{n}", amount=TRAP) for n in range(1_000)])

    def all_there() -> bool:
        return len(scored(kafka, topics)) + len(read_all(kafka, topics.dead_letters)) == 1_000

    wait_for(all_there, 60, scorer.text)
    assert len(read_all(kafka, topics.dead_letters)) < 100
    assert {score for _, score in scored(kafka, topics)} == {SCORE_OF["a"]}
    assert scorer.metrics()[FAILURES] == 1
    assert scorer.terminate() == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_model_of_another_family_takes_over_while_transactions_flow(
    kafka: str, topics: TopicSettings, start: Start, tmp_path: Path
) -> None:
    """A random forest of scikit-learn, trained on simulated transactions and exported by train.py, follows LightGBM.

    Every transaction has one score, the one that the model of its range gives to it and its whole past.
    """
    labelled = tmp_path / "labelled.csv"
    simulate = ["--rows", "20000", "--seed", "3", "--labels", "--out", str(labelled)]
    subprocess.run([sys.executable, "-m", "services.simulator", "csv", *simulate], cwd=ROOT, check=True)
    train = [str(labelled), "--trees", "10", "--learner", "forest", "--risks-of", "onnx", "--out", str(tmp_path / "b")]
    patient = os.environ | {"OMP_WAIT_POLICY": "passive"}
    subprocess.run([sys.executable, "onnx/train.py", *train], cwd=ROOT, env=patient, check=True)
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("fraud.onnx", "contract.toml", "risk.json", "manifest.json"):
        shutil.copy(ROOT / "onnx" / name, folder)

    lightgbm, forest = load_model(folder), load_model(tmp_path / "b")
    scorer = start("scorer", SCORER_MODEL_DIR=str(folder), SCORER_BATCH_MAX_MESSAGES="200", **EVERY_MS).wait_ready()
    producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True, "partitioner": "murmur2_random"})
    for number, (key, value) in enumerate(keyed(labelled, 6_000)):
        producer.produce(topics.transactions, value, key)
        if number % 300 == 299:
            assert producer.flush(30) == 0
        if number == 2_999:
            for name in ("fraud.onnx", "contract.toml", "risk.json", "manifest.json"):
                shutil.copy(tmp_path / "b" / name, folder)
    wait_for(lambda: scorer.metrics()['fraud_scorer_model_reloads_total{result="swapped"}'] == 1, 30, scorer.text)
    for key, value in keyed(labelled, 7_000, skip=6_000):
        producer.produce(topics.transactions, value, key)
    assert producer.flush(30) == 0
    wait_for(lambda: len(scored(kafka, topics)) >= 7_000, 60, lambda: f"{len(scored(kafka, topics))} scored")

    log = {
        (m.partition() or 0, m.offset() or 0): (m.key(), m.value() or b"") for m in read_all(kafka, topics.transactions)
    }
    by_version = {m.manifest.version: recomputed(log, m, topics.transactions) for m in (lightgbm, forest)}
    spans = [orjson.loads(message.value() or b"")["span"] for message in read_all(kafka, topics.models)]
    found = dict(scored(kafka, topics))
    used = set()
    assert len(found) == len(scored(kafka, topics)) == 7_000
    for partition, offset in by_version[forest.manifest.version]:
        [*_, span] = [s for s in spans if s["partition"] == partition and s["first_offset"] <= offset]
        transaction, score = by_version[span["model_version"]][partition, offset]
        assert found[transaction] == pytest.approx(score, abs=2e-6)
        used.add(span["model_version"])
    assert used == set(by_version)
