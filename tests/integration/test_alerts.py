"""Reasons of flagged payments, from the scorer through the topic to the table, on a real Kafka and PostgreSQL."""

from typing import Any

import orjson
import psycopg
from confluent_kafka import Producer

from conftest import Start
from services.common.contract import customer_key
from services.common.settings import TopicSettings
from tests.support.messages import FRAUD, PAYMENT, nested
from tests.support.topics import read_all

Connection = psycopg.Connection[tuple[Any, ...]]

DAYS = [PAYMENT | {"transaction_time": f"2019-08-{day:02d} 12:05", "amount": 20 + day} for day in range(1, 32)]
NIGHT = PAYMENT | {"transaction_time": "2019-09-01 23:40", "cat_id": "shopping_pos", "amount": 880.0}
BURST = [
    PAYMENT | {"transaction_time": f"2019-09-03 23:{10 + at}", "cat_id": category, "amount": amount}
    for at, (category, amount) in enumerate([("shopping_net", 995.7), ("misc_net", 805.0), ("shopping_pos", 880.0)])
]


def send(kafka: str, topics: TopicSettings, payments: dict[str, dict[str, Any]]) -> None:
    """Send payments as the sender does: keyed by customer, in order."""
    producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True, "partitioner": "murmur2_random"})
    for transaction_id, payment in payments.items():
        producer.produce(topics.transactions, nested(transaction_id, **payment), customer_key(payment))
    assert producer.flush(10) == 0


def payments() -> dict[str, dict[str, Any]]:
    """A quiet month, a huge payment at night, a burst, and a fraud of somebody else."""
    calm = {f"day-{at}": payment for at, payment in enumerate(DAYS)}
    burst = {f"burst-{at}": payment for at, payment in enumerate(BURST)}
    return calm | {"night": NIGHT} | burst | {"eve": FRAUD}


def test_each_flagged_payment_has_one_alert_and_no_other_has(kafka: str, topics: TopicSettings, start: Start) -> None:
    """Keyed by the id, with the score that was published, the model and the payment."""
    send(kafka, topics, payments())

    assert start("scorer", "--until-empty").finish() == 0

    scores = {message.key(): orjson.loads(message.value() or b"") for message in read_all(kafka, topics.scores)}
    alerts = {message.key(): orjson.loads(message.value() or b"") for message in read_all(kafka, topics.alerts)}
    flagged = {key for key, body in scores.items() if body["fraud_flag"]}
    assert len(read_all(kafka, topics.alerts)) == len(alerts)
    assert alerts.keys() == flagged >= {b"night", b"burst-2", b"eve"}
    for key, alert in alerts.items():
        assert list(alert) == ["transaction_id", "score", "reasons", "model_version", "threshold", "data"]
        assert alert["transaction_id"].encode() == key
        assert alert["score"] == scores[key]["score"] >= alert["threshold"]
        assert alert["data"] == payments()[key.decode() if key else ""]
        assert 1 <= len(alert["reasons"]) <= 3
    first = {key: alert["reasons"][0] for key, alert in alerts.items()}
    assert (first[b"night"]["feature"], first[b"night"]["direction"]) == ("amount", "up")
    assert "hour" in {reason["feature"] for reason in alerts[b"night"]["reasons"]}
    assert (first[b"burst-2"]["feature"], first[b"burst-2"]["direction"]) == ("pace", "up")
    assert first[b"burst-2"]["values"]["count_1h"] == 2.0
