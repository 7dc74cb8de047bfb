"""The scorer's alarm for too many rejects; against a real Kafka."""

import orjson
import pytest

from conftest import Start
from services.common.settings import TopicSettings
from services.tools.doctor.probes import check_rejects
from tests.support.messages import nested
from tests.support.processes import wait_for
from tests.support.topics import produce, read_all


def test_a_producer_of_rubbish_takes_scoring_from_nobody(kafka: str, topics: TopicSettings, start: Start) -> None:
    """3,000 messages that cannot be scored are dead letters, whole; the others are scored, by the same process.

    It is seen at once: in the log with the commonest reason and an example, and as a metric that stays.
    """
    scorer = start("scorer").wait_ready()
    produce(kafka, topics.transactions, [nested(f"bad-{n}", amount="much") for n in range(3_000)])
    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(100)])
    produce(kafka, topics.transactions, [nested(f"worse-{n}", amount="much") for n in range(3_000)])
    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(100, 200)])
    wait_for(lambda: scorer.metrics()["fraud_scorer_messages_consumed_total"] == 6_200, 60, scorer.text)

    assert len(read_all(kafka, topics.scores)) == 200
    assert len(read_all(kafka, topics.dead_letters)) == 6_000
    wait_for(lambda: scorer.metrics()["fraud_scorer_reject_limit_broken"] == 1, 10, scorer.text)
    assert scorer.metrics()["fraud_scorer_rebuilds_total"] == 0
    line = next(orjson.loads(line) for line in scorer.text().splitlines() if "reject_limit_exceeded" in line)
    assert (line["level"], line["reason"], line["field"]) == ("error", "bad_type", "amount")
    assert line["example"].startswith(f"{topics.transactions}/")
    wait_for(lambda: scorer.metrics()["fraud_scorer_rejects_in_a_row"] == 0, 10, scorer.text)
    [finding] = check_rejects("scorer", f"http://127.0.0.1:{scorer.probe_port}")
    assert str(finding).startswith("WARN  rejects      scorer rejects 96.8% of the latest messages, 0 in a row")
    assert scorer.terminate() == 0


@pytest.mark.slow
def test_an_ordinary_bad_file_is_no_alarm(kafka: str, topics: TopicSettings, start: Start) -> None:
    """A few hundred in a row, with the limits as they come; the metrics count them."""
    scorer = start("scorer").wait_ready()
    produce(kafka, topics.transactions, [b"{"] * 300)
    wait_for(lambda: scorer.metrics()["fraud_scorer_rejects_in_a_row"] == 300, 20, scorer.text)
    assert scorer.metrics()["fraud_scorer_reject_share"] == 1

    produce(kafka, topics.transactions, [nested("a")])
    wait_for(lambda: scorer.metrics()["fraud_scorer_rejects_in_a_row"] == 0, 20, scorer.text)
    assert scorer.metrics()["fraud_scorer_reject_limit_broken"] == 0
    assert scorer.terminate() == 0
