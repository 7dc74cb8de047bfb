"""Trace context through the real scorer."""

import pytest
from confluent_kafka import Message, Producer

from conftest import Start
from services.common.settings import TopicSettings
from tests.support.messages import FRAUD, nested
from tests.support.topics import headers, read_all

STATE = "rojo=00f067aa0ba902b7"


def parent(number: int) -> str:
    return f"00-{number + 1:032x}-{number + 1:016x}-01"


def carried(message: Message) -> dict[str, str]:
    return {name: text for name, text in headers(message).items() if name.startswith("trace")}


def test_a_trace_goes_on_to_the_score_and_to_the_dead_letter(kafka: str, topics: TopicSettings, start: Start) -> None:
    """A third of the records carries one: each of these ends up on its own score or dead letter, and on no other."""
    producer = Producer({"bootstrap.servers": kafka})
    for number in range(300):
        value = b"no json" if number % 10 == 0 else nested(f"{number}")
        trace = {"traceparent": parent(number), "tracestate": STATE, "tenant": "a"} if number % 3 == 0 else {}
        producer.produce(topics.transactions, value, str(number).encode(), headers=list(trace.items()))
    assert producer.flush(10) == 0

    assert start("scorer", "--until-empty").finish() == 0

    scores = {int(message.key() or b""): message for message in read_all(kafka, topics.scores)}
    letters = {int(message.key() or b""): message for message in read_all(kafka, topics.dead_letters)}
    assert scores.keys() == {number for number in range(300) if number % 10}
    assert letters.keys() == {number for number in range(300) if number % 10 == 0}
    for number, message in (scores | letters).items():
        expected = {"traceparent": parent(number), "tracestate": STATE} if number % 3 == 0 else {}
        assert carried(message) == expected
    assert not any("tenant" in headers(message) for message in scores.values())


@pytest.mark.slow
def test_a_trace_goes_on_to_the_alert_of_a_flagged_payment(kafka: str, topics: TopicSettings, start: Start) -> None:
    """Each of the flagged ones that came with a trace, and no other."""
    producer = Producer({"bootstrap.servers": kafka})
    for number in range(30):
        trace: dict[str, str | bytes | None] = {"traceparent": parent(number)} if number % 2 else {}
        value = nested(f"{number}", **(FRAUD if number % 3 == 0 else {}))
        producer.produce(topics.transactions, value, str(number).encode(), headers=trace)
    assert producer.flush(10) == 0

    assert start("scorer", "--until-empty").finish() == 0

    alerts = {int(message.key() or b""): carried(message) for message in read_all(kafka, topics.alerts)}
    assert alerts == {number: {"traceparent": parent(number)} if number % 2 else {} for number in range(0, 30, 3)}


@pytest.mark.slow
def test_scores_of_one_id_keep_their_order_whether_traced_or_not(
    kafka: str, topics: TopicSettings, start: Start
) -> None:
    """Of an id that comes again in a batch the newer score must stay the newer one: the sink takes the last."""
    producer = Producer({"bootstrap.servers": kafka})
    for number in range(40):
        trace: dict[str, str | bytes | None] = {"traceparent": parent(number)} if number % 2 else {}
        producer.produce(topics.transactions, nested("same", amount=10.0 + number), b"a", headers=trace)
    assert producer.flush(10) == 0

    assert start("scorer", "--until-empty").finish() == 0

    traced = [carried(message).get("traceparent") for message in read_all(kafka, topics.scores)]
    assert traced == [parent(number) if number % 2 else None for number in range(40)]
