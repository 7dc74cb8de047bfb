"""A range of transactions is scored again with another model: real Kafka, real PostgreSQL, the command as a process."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer

from conftest import Start
from services.common.kafka.offsets import BrokerQuery
from services.common.settings import KafkaSettings, TopicSettings
from services.scorer.models.load import load_model
from tests.support.messages import keyed, nested
from tests.support.models import write_constant, write_probe
from tests.support.recompute import recomputed
from tests.support.topics import produce, read_all

Connection = psycopg.Connection[Any]
SAMPLE = Path(__file__).resolve().parents[2] / "services/simulator/sample.csv"


def offsets(kafka: str, topics: TopicSettings) -> dict[tuple[str, int], int]:
    places = [(topics.transactions, partition) for partition in range(topics.partitions)]
    return BrokerQuery(KafkaSettings(bootstrap_servers=kafka)).committed(f"scorer-{topics.transactions}", places)


def test_the_comparison_is_told_and_kept_and_the_live_system_is_not_touched(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection, owner: dict[str, str], tmp_path: Path
) -> None:
    """The live model flags nothing, the other one everything; an analyst has judged three transactions."""
    live, other = write_constant(tmp_path / "a", "a", 0.25), write_constant(tmp_path / "b", "b", 0.75)
    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(100)] + [b"{"])
    assert start("scorer", "--until-empty", SCORER_MODEL_DIR=str(live)).finish() == 0
    assert start("sink", "--until-empty").finish() == 0
    for name, ordinal, verdict in (("0", 1, "fraud"), ("1", 1, "fraud"), ("1", 2, "false_alarm"), ("2", 1, "fraud")):
        mart.execute(
            "insert into verdicts (transaction_id, ordinal, verdict, analyst, score, fraud_flag)"
            " values (%s, %s, %s, 'Ada', 0.25, 0)",
            (name, ordinal, verdict),
        )
    before = (offsets(kafka, topics), len(read_all(kafka, topics.scores)), mart.execute("table scores").fetchall())

    command = start("backfill", str(other), **owner)

    assert command.finish() == 0, command.text()
    assert "100 newly flagged, 0 no longer" in command.text()
    assert before == (
        offsets(kafka, topics), len(read_all(kafka, topics.scores)), mart.execute("table scores").fetchall(),
    )  # fmt: skip
    [(run_id, version, report)] = mart.execute("select run_id, model_version, report from backfill_runs").fetchall()
    assert version == "b"
    assert (report["scored"], report["compared"], report["rejected"], report["mean_shift"]) == (100, 100, 1, 0.5)
    assert (report["judged"], report["frauds"]) == (3, 2)
    assert report["model"] == {"f1": 0.8, "precision": pytest.approx(2 / 3), "recall": 1}
    assert report["live"] == {"f1": 0, "precision": 0, "recall": 0}
    kept = "select count(*), min(score), sum(fraud_flag) from backfill_scores where run_id = %s"
    assert mart.execute(kept, [run_id]).fetchone() == (100, 0.75, 100)


@pytest.mark.slow
def test_the_past_of_a_range_is_what_a_scorer_would_have_seen(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection, owner: dict[str, str], tmp_path: Path
) -> None:
    """Every score is the one of an offline recomputation over the whole log, to 2e-6."""
    probe = write_probe(tmp_path / "probe")
    producer = Producer(
        {"bootstrap.servers": kafka, "allow.auto.create.topics": False, "partitioner": "murmur2_random"}
    )
    for key, value in keyed(SAMPLE, 2_000):
        producer.produce(topics.transactions, value, key)
    assert producer.flush(30) == 0

    command = start("backfill", str(probe), **owner)

    assert command.finish(120) == 0, command.text()
    log = {
        (m.partition() or 0, m.offset() or 0): (m.key(), m.value() or b"") for m in read_all(kafka, topics.transactions)
    }
    expected = dict(recomputed(log, load_model(probe), topics.transactions).values())
    found = mart.execute("select transaction_id, score from backfill_scores").fetchall()
    assert dict(found) == pytest.approx(expected, abs=2e-6)
    assert len(found) == 2_000
