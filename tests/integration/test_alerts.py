"""Reasons of flagged transactions, from the scorer through the topic to the table, on a real Kafka and PostgreSQL."""

from typing import Any

import orjson
import psycopg
import pytest
from confluent_kafka import Producer

from conftest import Start
from services.common.settings import TopicSettings
from tests.support.contracts import cards, customer_key
from tests.support.messages import FRAUD, nested
from tests.support.processes import wait_for
from tests.support.reasons import BURST, CALM, NIGHT
from tests.support.topics import produce, read_all
from ui.review import render as case_render
from ui.review.case import read_case
from ui.review.features import describe
from ui.review.texts import CASE_TEXTS
from ui.shell.texts import RUSSIAN

Connection = psycopg.Connection[tuple[Any, ...]]


def send(kafka: str, topics: TopicSettings, transactions: dict[str, dict[str, Any]]) -> None:
    """Send transactions as the sender does: keyed by customer, in order."""
    producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True, "partitioner": "murmur2_random"})
    for transaction_id, transaction in transactions.items():
        producer.produce(topics.transactions, nested(transaction_id, **transaction), customer_key(transaction))
    assert producer.flush(10) == 0


def transactions() -> dict[str, dict[str, Any]]:
    """A quiet month, a huge transaction at night, a burst, and a fraud of somebody else."""
    calm = {f"day-{at}": transaction for at, transaction in enumerate(CALM)}
    burst = {f"burst-{at}": transaction for at, transaction in enumerate(BURST)}
    return calm | {"night": NIGHT} | burst | {"eve": FRAUD}


def test_each_flagged_transaction_has_one_alert_and_no_other_has(
    kafka: str, topics: TopicSettings, start: Start
) -> None:
    """Keyed by the id, with the score that was published, the model and the transaction."""
    send(kafka, topics, transactions())

    assert start("scorer", "--until-empty").finish() == 0

    scores = {message.key(): orjson.loads(message.value() or b"") for message in read_all(kafka, topics.scores)}
    alerts = {message.key(): orjson.loads(message.value() or b"") for message in read_all(kafka, topics.alerts)}
    flagged = {key for key, body in scores.items() if body["fraud_flag"]}
    assert len(read_all(kafka, topics.alerts)) == len(alerts)
    assert alerts.keys() == flagged >= {b"night", b"burst-3", b"eve"}
    for key, alert in alerts.items():
        assert list(alert) == ["transaction_id", "score", "reasons", "model_version", "threshold", "data"]
        assert alert["transaction_id"].encode() == key
        assert alert["score"] == scores[key]["score"] >= alert["threshold"]
        assert alert["data"] == transactions()[key.decode() if key else ""]
        assert 1 <= len(alert["reasons"]) <= 3
    first = {key: alert["reasons"][0] for key, alert in alerts.items()}
    assert (first[b"night"]["feature"], first[b"night"]["direction"]) == ("amount", "up")
    assert "hour" in {reason["feature"] for reason in alerts[b"night"]["reasons"]}
    assert (first[b"burst-3"]["feature"], first[b"burst-3"]["direction"]) == ("pace", "up")
    assert first[b"burst-3"]["values"]["count_1h"] == 3.0


def test_reasons_arrive_in_the_table_once_whatever_is_killed(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """Scorer and sink are killed in the middle; each flagged transaction then has one row, with what its alert said."""
    crowd = {
        f"{transaction_id}-{customer}": transaction | {"name_1": f"{transaction['name_1']}-{customer}"}
        for customer in range(60)
        for transaction_id, transaction in transactions().items()
    }
    send(kafka, topics, crowd)
    small = {"SCORER_BATCH_MAX_MESSAGES": "50", "SINK_BATCH_MAX_MESSAGES": "50"}
    scorer, sink = start("scorer", **small), start("sink", **small)
    wait_for(lambda: rows(mart) > 0, 60, lambda: scorer.text() + sink.text())
    scorer.kill()
    sink.kill()
    assert start("scorer", "--until-empty").finish() == 0
    assert start("sink", "--until-empty").finish() == 0

    flagged = mart.execute("select transaction_id from scores where fraud_flag = 1 order by 1").fetchall()
    assert mart.execute("select transaction_id from alerts order by 1").fetchall() == flagged
    alerts = [orjson.loads(message.value() or b"") for message in read_all(kafka, topics.alerts)]
    assert sorted(alert["transaction_id"] for alert in alerts) == sorted(name for (name,) in flagged)
    found = mart.execute("select transaction_id, reasons, model_version, threshold from alerts").fetchall()
    told = {alert["transaction_id"]: alert for alert in alerts}
    assert [
        (name, told[name]["reasons"], told[name]["model_version"], told[name]["threshold"]) for name, *_ in found
    ] == found
    case = read_case(mart, "night-7")
    assert case
    assert "Ночь, 22–03 (час 23)" in case_render.reasons(case, describe(cards(), "ru"), RUSSIAN, CASE_TEXTS["ru"])


@pytest.mark.slow
def test_an_alert_that_comes_again_changes_nothing_and_a_newer_one_wins(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """Sent again with the same reasons the row stays as it was; with others it has those."""
    produce(kafka, topics.alerts, [alert("a"), alert("b")], key=b"a")
    assert start("sink", "--until-empty").finish() == 0
    before = mart.execute("select * from alerts order by 1").fetchall()
    produce(kafka, topics.alerts, [alert("a"), alert("b", "other")], key=b"a")
    assert start("sink", "--until-empty").finish() == 0
    after = mart.execute("select * from alerts order by 1").fetchall()

    assert after[0] == before[0]
    assert (after[1][1], after[1][2]) == (before[1][1], "other")
    assert after[1][-1] > before[1][-1]


@pytest.mark.slow
def test_alerts_that_break_the_contract_are_kept_as_rejects(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """Each with its reason, also what only the database refuses; the good ones of the same batch arrive."""
    bad = {
        "bad_json": [b"{"],
        "not_object": [b"7"],
        "missing_field": [orjson.dumps({"transaction_id": "x", "reasons": [], "model_version": "v"})],
        "bad_type": [alert("x", reasons="none"), alert("x", reasons=[{"feature": "\0"}])],
        "out_of_range": [alert("x", threshold=1.5)],
    }
    produce(kafka, topics.alerts, [value for values in bad.values() for value in values] + [alert("a")])

    assert start("sink", "--until-empty").finish() == 0

    found = mart.execute("select reason, topic, value from sink_rejects").fetchall()
    assert sorted((reason, topic, bytes(value)) for reason, topic, value in found) == sorted(
        (reason, topics.alerts, value) for reason, values in bad.items() for value in values
    )
    assert mart.execute("select transaction_id from alerts").fetchall() == [("a",)]


def alert(transaction_id: str, version: str = "v", threshold: float = 0.5, reasons: Any = None) -> bytes:
    given = {"feature": "amount", "direction": "up", "size": 4.2, "values": {"amount": 995.7}}
    body = {"transaction_id": transaction_id, "reasons": [given] if reasons is None else reasons}
    return orjson.dumps(body | {"model_version": version, "threshold": threshold})


def rows(mart: Connection) -> int:
    found = mart.execute("select count(*) from alerts").fetchone()
    return int(found[0]) if found else 0
