"""Not retryable: messages that retention removed too early, a recreated topic, a model that is a wrong one."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient

from conftest import ROOT
from services.common.contract.load import read_contract
from services.common.settings import KafkaSettings
from services.topics.__main__ import make_topics
from stack.servers import PostgresServer
from tests.faults.audit import Connection, applied_places
from tests.faults.crew import Member
from tests.faults.pipeline import HOLD, Pipeline
from tests.faults.standing import committed_offsets
from tests.support.processes import wait_for
from tests.support.topics import log_ends


def remove_records(bootstrap: str, topic: str) -> dict[int, int]:
    """Remove all that a topic holds now, as retention would; return partition -> the first offset there is."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    places = [TopicPartition(topic, partition, OFFSET_END) for partition in log_ends(bootstrap, topic)]
    return {place.partition: done.result(30).low_watermark for place, done in admin.delete_records(places).items()}


def offsets_in(mart: Connection, topic: str) -> dict[int, int]:
    """Return partition -> where the database stands."""
    return dict(mart.execute("select partition, next_offset from sink_offsets where topic = %s", (topic,)).fetchall())


def test_scores_removed_before_they_were_kept_stop_the_sink(pipeline: Pipeline, database: PostgresServer) -> None:
    """Nothing is skipped in silence: exit code 1 and the place at each start, until a person says to go on."""
    scores = pipeline.topics.scores
    pipeline.start(scorers=1)
    [sink] = pipeline.sinks.members
    with pipeline.load():
        pipeline.inflict("kill -9 postgres")
        database.kill()
        pipeline.pause(2, 2)
    pipeline.wait_until_scored()
    firsts = remove_records(pipeline.bootstrap, scores)
    pipeline.inflict("scores removed")
    database.start()
    with pipeline.mart() as mart:
        before = offsets_in(mart, scores)
        wait_for(lambda: len(sink.exits) >= 2, 60 * pipeline.slack, pipeline.text)
        assert offsets_in(mart, scores) == before
        assert set(sink.exits) == {1}
        assert "expired before they were stored" in sink.service.text()

        for partition, first in firsts.items():  # what docs/operations.md says
            mart.execute(
                "update sink_offsets set next_offset = %s where topic = %s and partition = %s",
                (first, scores, partition),
            )
        pipeline.sinks.wait_ready()
        with pipeline.load():
            pipeline.pause(1, 1)
        log = pipeline.settle()
        assert log.scores
        assert log.scores.keys() <= applied_places(mart, "scores")


def test_a_topic_made_anew_under_a_running_sink_stops_it(pipeline: Pipeline) -> None:
    """Its offsets are not those of the database: exit code 1, until a person says to read it from its beginning."""
    scores = pipeline.topics.scores
    pipeline.start(scorers=1)
    [sink] = pipeline.sinks.members
    with pipeline.load():
        pipeline.pause(2, 2)
    pipeline.wait_until_scored()
    pipeline.wait_until_kept()
    assert pipeline.scorers.dismiss(*pipeline.scorers.members) == [0]
    admin = AdminClient({"bootstrap.servers": pipeline.bootstrap})
    admin.delete_topics([scores], operation_timeout=30)[scores].result()
    wait_for(lambda: scores not in admin.list_topics(timeout=10).topics, 30 * pipeline.slack)
    make_topics(KafkaSettings(bootstrap_servers=pipeline.bootstrap), pipeline.topics)
    pipeline.inflict("topic recreated")
    wait_for(lambda: len(sink.exits) >= 2, 120 * pipeline.slack, pipeline.text)
    assert set(sink.exits) == {1}
    assert "was recreated" in sink.service.text()

    with pipeline.mart() as mart:
        mart.execute("delete from sink_offsets where topic = %s", (scores,))  # what docs/operations.md says
        pipeline.sinks.wait_ready()
        pipeline.hire_scorer(HOLD)
        with pipeline.load(watched=False):
            pipeline.pause(2, 2)
        log = pipeline.settle()
        names = {name for name, _ in log.scores.values()}
        assert names
        assert names <= {name for (name,) in mart.execute("select transaction_id from scores").fetchall()}


def test_transactions_removed_before_they_were_scored_are_told(pipeline: Pipeline) -> None:
    """Nobody can score them any more. How many they were is in the log and in a metric, and the others are scored."""
    transactions = pipeline.topics.transactions
    pipeline.start(scorers=1, sinks=0)
    with pipeline.load():
        assert pipeline.scorers.dismiss(*pipeline.scorers.members) == [0]
        pipeline.pause(2, 2)
        stood = committed_offsets(pipeline.bootstrap, pipeline.group("scorer"), transactions, range(6))
        firsts = remove_records(pipeline.bootstrap, transactions)
        pipeline.inflict("transactions removed")
        scorer = pipeline.hire_scorer(HOLD)
        pipeline.recovered("transactions removed", time.monotonic(), within=60)
    gone = sum(firsts[partition] - stood[partition] for partition in firsts)
    assert scorer.service.metrics()["fraud_scorer_expired_offsets_total"] == gone > 0
    assert "offsets_expired" in scorer.service.text()

    log = pipeline.settle()
    times = Counter(name for name, _ in log.scores.values())
    assert log.inputs
    assert {times[name] for name in log.inputs.values()} == {1}


def without_file(folder: Path) -> None:
    (folder / "fraud.onnx").unlink()


def with_another_byte(folder: Path) -> None:
    content = bytearray((folder / "fraud.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "fraud.onnx").write_bytes(content)


def with_a_feature_more(folder: Path) -> None:
    with (folder / "contract.toml").open("a", encoding="utf-8") as file:
        file.write('minute_of_day = { minute_of_day = "transaction_time" }\n')
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"contract_sha256": read_contract(folder).sha256}))


SPOILT: dict[Callable[[Path], None], str] = {
    without_file: "fraud.onnx",
    with_another_byte: "is not the model of its manifest",
    with_a_feature_more: "features",
}
"""How a model is spoilt -> what the scorer says of it."""


def test_scorers_with_a_wrong_model_never_score(pipeline: Pipeline, tmp_path: Path) -> None:
    """A file that is missing, a byte that differs, a feature too many: exit code 1, and the others score everything."""
    pipeline.start(scorers=1)
    with pipeline.load():
        spoilt: list[tuple[Member, str]] = []
        for spoil, said in SPOILT.items():
            folder = tmp_path / spoil.__name__
            folder.mkdir()
            for name in ("fraud.onnx", "contract.toml", "risk.json", "manifest.json"):
                shutil.copy(ROOT / "onnx" / name, folder)
            spoil(folder)
            spoilt.append((pipeline.hire_scorer(SCORER_MODEL_DIR=str(folder)), said))
            pipeline.inflict("wrong model")
        wait_for(lambda: all(len(member.exits) >= 2 for member, _ in spoilt), 60 * pipeline.slack, pipeline.text)
        for member, said in spoilt:
            assert set(member.exits) == {1}
            assert said in member.service.text()
            pipeline.scorers.dismiss(member)

    pipeline.check()
