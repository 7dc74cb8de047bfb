"""The scorer as a process against a real Kafka."""

import time

import orjson
import pytest
from confluent_kafka import Producer

from conftest import Start
from services import __version__
from services.common.contract.ids import record_id
from services.common.settings import TopicSettings
from tests.support.messages import FRAUD, flat, nested
from tests.support.processes import wait_for
from tests.support.topics import headers, produce, read_all


def test_every_message_becomes_one_score_of_exactly_three_fields(
    kafka: str, topics: TopicSettings, start: Start
) -> None:
    """Both forms of a message are scored, once each, keyed by the transaction's id, with the three fields alone."""
    produce(kafka, topics.transactions, [nested("a"), flat("b"), nested("c", **FRAUD)])

    assert start("scorer", "--until-empty").finish() == 0

    scores = read_all(kafka, topics.scores)
    bodies = {message.key() or b"": orjson.loads(message.value() or b"") for message in scores}
    assert sorted(bodies) == [b"a", b"b", b"c"]
    assert len(scores) == 3
    for key, body in bodies.items():
        assert list(body) == ["transaction_id", "score", "fraud_flag"]
        assert body["transaction_id"].encode() == key
        assert type(body["score"]) is float
        assert 0 <= body["score"] <= 1
    assert bodies[b"a"]["score"] == bodies[b"b"]["score"]
    assert [bodies[key]["fraud_flag"] for key in (b"a", b"c")] == [0, 1]


@pytest.mark.slow
def test_a_message_without_an_id_gets_the_same_id_at_every_reading(
    kafka: str, topics: TopicSettings, start: Start
) -> None:
    """The id is made of the record's place, so a second group of scorers gives the same one."""
    produce(kafka, topics.transactions, [nested(None)])
    [message] = read_all(kafka, topics.transactions)

    for group in ("one", "two"):
        assert start("scorer", "--until-empty", SCORER_GROUP_ID=f"{group}-{topics.transactions}").finish() == 0

    expected = record_id(topics.transactions, message.partition() or 0, message.offset() or 0).encode()
    assert [score.key() for score in read_all(kafka, topics.scores)] == [expected, expected]


REJECTS = {
    "bad_json": (b'{"transaction_id": "x", ', ""),
    "bad_encoding": (b'{"transaction_id": "\xff"}', ""),
    "not_object": (b"[1, 2]", ""),
    "missing_field": (nested("x").replace(b'"amount"', b'"amounts"'), "amount"),
    "bad_type": (nested("x", amount="much"), "amount"),
    "bad_time": (nested("x", transaction_time="2019-02-30 10:00"), "transaction_time"),
    "out_of_range": (nested("x").replace(b"25.79", b"1e13"), "amount"),
}  # fmt: skip


def test_a_reject_keeps_its_bytes_and_names_its_reason(kafka: str, topics: TopicSettings, start: Start) -> None:
    """What cannot be decoded goes to the dead letters as it came, with where it came from and what was wrong."""
    producer = Producer({"bootstrap.servers": kafka})
    for reason, (value, _) in REJECTS.items():
        producer.produce(topics.transactions, value, reason.encode(), headers=[("tenant", b"a")])
    assert producer.flush(10) == 0

    assert start("scorer", "--until-empty").finish() == 0

    sources = {message.key(): message for message in read_all(kafka, topics.transactions)}
    letters = {message.key(): message for message in read_all(kafka, topics.dead_letters)}
    assert read_all(kafka, topics.scores) == []
    assert letters.keys() == sources.keys() == {reason.encode() for reason in REJECTS}
    for reason, (value, field) in REJECTS.items():
        source, letter = sources[reason.encode()], letters[reason.encode()]
        assert letter.value() == value
        found = headers(letter)
        assert found.pop("tenant") == "a"
        told = {name.removeprefix("__fraud.errors."): text for name, text in found.items()}
        assert told.pop("message")
        assert told == {
            "stage": "decode",
            "reason": reason,
            "field": field,
            "topic": topics.transactions,
            "partition": str(source.partition()),
            "offset": str(source.offset()),
            "timestamp": str(source.timestamp()[1]),
            "first_seen": str(source.timestamp()[1]),
            "attempts": "1",
            "app_version": __version__,
        }


@pytest.mark.slow
def test_rejects_do_not_hold_up_good_messages(kafka: str, topics: TopicSettings, start: Start) -> None:
    """Produced = scored + dead-lettered, whatever the mixture."""
    good = [nested(f"good-{n}") for n in range(300)]
    bad = [value for value, _ in REJECTS.values()] * 20
    produce(kafka, topics.transactions, [*good[:150], *bad, *good[150:], None])

    assert start("scorer", "--until-empty").finish() == 0

    assert {m.key() for m in read_all(kafka, topics.scores)} == {f"good-{n}".encode() for n in range(300)}
    assert len(read_all(kafka, topics.scores)) == 300
    assert len(read_all(kafka, topics.dead_letters)) == len(bad) + 1


@pytest.mark.slow
def test_a_message_too_large_to_produce_is_kept_in_part(kafka: str, topics: TopicSettings, start: Start) -> None:
    """A reject that no producer setting lets through is truncated; its length and hash stay known."""
    big = b"[" + b" " * 200_000
    produce(kafka, topics.transactions, [big, nested("a")])

    assert start("scorer", "--until-empty", KAFKA_CONF_MESSAGE_MAX_BYTES="100000").finish() == 0

    [letter] = read_all(kafka, topics.dead_letters)
    assert letter.value() == big[: 64 * 1024]
    assert headers(letter)["__fraud.errors.truncated.length"] == str(len(big))
    assert len(read_all(kafka, topics.scores)) == 1


def test_sigterm_finishes_the_batch_and_the_next_start_goes_on(kafka: str, topics: TopicSettings, start: Start) -> None:
    """Stopped in the middle and started again, the scorer loses nothing and doubles nothing."""
    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(20_000)])
    scorer = start("scorer", SCORER_BATCH_MAX_MESSAGES="500").wait_ready()
    wait_for(lambda: scorer.metrics()["fraud_scorer_messages_consumed_total"] > 0, 20)

    assert scorer.terminate() == 0
    assert start("scorer", "--until-empty").finish() == 0

    keys = [message.key() for message in read_all(kafka, topics.scores)]
    assert len(keys) == 20_000
    assert len(set(keys)) == 20_000


def test_a_killed_scorer_is_taken_over_at_once(kafka: str, topics: TopicSettings, start: Start) -> None:
    """After kill -9 the same slot starts again, aborts what was open and waits for no session; nothing is doubled."""
    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(20_000)])
    session = {"SCORER_SESSION_TIMEOUT_MS": "60000"}  # what it would wait for if its place were another one's
    scorer = start("scorer", SCORER_BATCH_MAX_MESSAGES="500", **session).wait_ready()
    wait_for(lambda: scorer.metrics()["fraud_scorer_messages_consumed_total"] > 0, 20)
    scorer.kill()

    began = time.monotonic()
    again = start("scorer", **session).wait_ready()
    wait_for(lambda: again.metrics()["fraud_scorer_messages_consumed_total"] > 0, 50, again.text)
    recovered = time.monotonic() - began
    wait_for(lambda: len(read_all(kafka, topics.scores)) == 20_000, 60, again.text)

    assert len({message.key() for message in read_all(kafka, topics.scores)}) == 20_000
    assert recovered < 40  # a bound against the session timeout, not a measurement


@pytest.mark.slow
def test_two_scorers_share_the_partitions(kafka: str, topics: TopicSettings, start: Start) -> None:
    """Every message is scored once while a second scorer joins in the middle."""
    first = start("scorer", SCORER_BATCH_MAX_MESSAGES="200").wait_ready()
    producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True})
    second = None
    for n in range(10_000):
        producer.produce(topics.transactions, nested(f"{n}"), str(n).encode())
        if n == 3_000:
            producer.flush(10)
            second = start("scorer", SCORER_BATCH_MAX_MESSAGES="200").wait_ready()
    producer.flush(10)
    assert second is not None
    wait_for(lambda: len(read_all(kafka, topics.scores)) >= 10_000, 30, first.text)

    assert len({m.key() for m in read_all(kafka, topics.scores)}) == 10_000
    assert len(read_all(kafka, topics.scores)) == 10_000
    wait_for(lambda: second.metrics()["fraud_scorer_messages_consumed_total"] > 0, 5, second.text)


@pytest.mark.slow
def test_unknown_categories_are_scored_and_counted(kafka: str, topics: TopicSettings, start: Start) -> None:
    """A category the model has never seen is "other", not an error; a known one in another spelling is that one."""
    scorer = start("scorer").wait_ready()
    odd = [nested("a", cat_id="space_travel"), nested("b"), nested("c", cat_id="Shopping Net", amount="995,70")]
    produce(kafka, topics.transactions, odd)
    wait_for(lambda: scorer.metrics()["fraud_scorer_messages_consumed_total"] == 3, 20, scorer.text)

    counted = scorer.metrics()
    assert counted["fraud_scorer_unknown_category_total"] == 1
    assert counted['fraud_scorer_unknown_category_values_total{category="space_travel"}'] == 1
    assert counted['fraud_scorer_values_repaired_total{kind="value_spelling"}'] == 1
    assert counted['fraud_scorer_values_repaired_total{kind="decimal_comma"}'] == 1
    assert len(read_all(kafka, topics.scores)) == 3


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SCORER_BATCH_MAX_MESSAGES", "many", "SCORER_BATCH_MAX_MESSAGES"),
        ("SCORER_MODEL_DIR", "/nowhere", "no model manifest at"),
        ("KAFKA_CONF_ISOLATION_LEVEL", "read_uncommitted", "isolation.level"),
    ],
)
def test_a_wrong_setting_ends_the_start_with_its_name(variable: str, value: str, said: str, start: Start) -> None:
    """The process does not start half-configured: it says which setting is wrong and exits with 1."""
    scorer = start("scorer", **{variable: value})

    assert scorer.finish() == 1
    assert said in scorer.text()
