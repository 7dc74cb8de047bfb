"""The scorer's limit against a bad deploy; against a real Kafka."""

from conftest import Start
from services.common.settings import TopicSettings
from tests.support.messages import nested
from tests.support.processes import wait_for
from tests.support.topics import produce, read_all


def test_too_many_rejects_stop_the_scorer(kafka: str, topics: TopicSettings, start: Start) -> None:
    """Exit code 1, the commonest reason, and nothing drained: not now, and not by starting it over and over."""
    bad = [nested(f"bad-{n}", amount="much") for n in range(60)]
    produce(kafka, topics.transactions, [*bad, *(nested(f"{n}") for n in range(40))])

    for said in ("60 messages in a row were rejected", "of the first 100 messages after such a stop were rejected"):
        scorer = start("scorer", "--until-empty", SCORER_REJECT_LIMIT_IN_A_ROW="50")
        assert scorer.finish() == 1
        assert said in scorer.text()
        assert "the commonest reason, 60 times in this batch: bad_type of amount" in scorer.text()
        assert '"level": "critical"' in scorer.text()
        assert read_all(kafka, topics.dead_letters) == []
        assert read_all(kafka, topics.scores) == []


def test_a_mended_scorer_goes_on_where_the_limit_stopped_it(kafka: str, topics: TopicSettings, start: Start) -> None:
    """What is really bad is rejected then, and nothing is lost. With both limits off it is the same."""
    produce(kafka, topics.transactions, [b"{"] * 60)
    assert start("scorer", "--until-empty", SCORER_REJECT_LIMIT_IN_A_ROW="50").finish() == 1
    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(140)])

    assert start("scorer", "--until-empty", SCORER_REJECT_LIMIT_IN_A_ROW="100").finish() == 0

    assert len(read_all(kafka, topics.dead_letters)) == 60
    assert len(read_all(kafka, topics.scores)) == 140
    produce(kafka, topics.transactions, [b"{"] * 200)
    off = {"SCORER_REJECT_LIMIT_IN_A_ROW": "0", "SCORER_REJECT_LIMIT_SHARE": "0"}
    assert start("scorer", "--until-empty", **off).finish() == 0
    assert len(read_all(kafka, topics.dead_letters)) == 260


def test_an_ordinary_bad_file_stops_nothing(kafka: str, topics: TopicSettings, start: Start) -> None:
    """A few hundred in a row, with the limits as they come; the metrics tell of them."""
    scorer = start("scorer").wait_ready()
    produce(kafka, topics.transactions, [b"{"] * 300)
    wait_for(lambda: scorer.metrics()["fraud_scorer_rejects_in_a_row"] == 300, 20, scorer.text)
    assert scorer.metrics()["fraud_scorer_reject_share"] == 1

    produce(kafka, topics.transactions, [nested("a")])
    wait_for(lambda: scorer.metrics()["fraud_scorer_rejects_in_a_row"] == 0, 20, scorer.text)
    assert scorer.metrics()["fraud_scorer_reject_limit_broken"] == 0
    assert scorer.terminate() == 0
