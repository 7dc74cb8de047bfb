"""No log line and no metric shows what a transaction holds, whoever sent what."""

import orjson

from conftest import Start
from services.common.settings import TopicSettings
from tests.support.messages import FRAUD, TRANSACTION, nested
from tests.support.processes import ServiceProcess, wait_for
from tests.support.topics import produce

MARK = "Qzxmarked"
MARKED = dict.fromkeys(("name_1", "name_2", "street", "merch", "one_city", "us_state", "jobs", "gender"), MARK)
MARKED["cat_id"] = f"4111 {MARK}"
"""A category that is a plain name becomes a label of a metric; one with a digit in it may be anything, and does not."""
WHOLE = nested("id-1", **MARKED)


def bad_transactions() -> list[bytes | None]:
    """Return a message of each way to be rejected, the mark in each."""
    mark = MARK.encode()
    return [
        mark,
        b'{"' + mark,
        b'["' + mark + b'"]',
        b'"' + mark + b'"',
        WHOLE + b"\xff",
        WHOLE.replace(b'"amount"', b'"' + mark + b'"'),
        nested("id-2", **MARKED, amount=MARK),
        nested("id-3", **MARKED, amount=-1e308),
        nested("id-4", **MARKED, transaction_time=MARK),
        nested("id-5", **MARKED, lat=MARK, population_city=[MARK]),
        nested(MARK * 20, **MARKED),
        orjson.dumps({"transaction_id": {"a": MARK}, "data": TRANSACTION | MARKED}),
        None,
    ]


def bad_scores() -> list[bytes | None]:
    """Return scores that break the contract, the mark in each."""
    mark = MARK.encode()
    return [
        mark,
        b'{"' + mark,
        b'{"transaction_id": "a", "score": "' + mark + b'", "fraud_flag": 0}',
        b'{"transaction_id": "a", "score": 0.5, "fraud_flag": "' + mark + b'"}',
        b'{"transaction_id": ["' + mark + b'"], "score": 0.5, "fraud_flag": 0}',
        b'{"transaction_id": "' + mark * 20 + b'", "score": 0.5, "fraud_flag": 0}',
        b'{"transaction_id": "a\\u0000' + mark + b'", "score": 0.5, "fraud_flag": 0}',
    ]


def test_neither_logs_nor_metrics_tell_a_transaction(
    kafka: str, topics: TopicSettings, start: Start, mart: object
) -> None:
    """Good transactions, rejects of every kind and broken scores, with all log lines there are."""
    produce(kafka, topics.transactions, [WHOLE, nested("id-9", **FRAUD | MARKED), *bad_transactions()])
    produce(kafka, topics.scores, bad_scores())
    limits = {"REJECT_LIMIT_SHARE": "0", "REJECT_LIMIT_IN_A_ROW": "0"}
    services = [
        start(name, LOG_LEVEL="DEBUG", **{f"{name.upper()}_{limit}": value for limit, value in limits.items()})
        for name in ("scorer", "sink")
    ]
    scorer, sink = services

    wait_for(lambda: counted(scorer, "fraud_scorer_rejects_total") >= 8, 60, scorer.text)
    wait_for(lambda: counted(sink, "fraud_sink_rejects_total") >= len(bad_scores()), 60, sink.text)
    told = [service.text() + str(service.metrics()) for service in services]
    for service in services:
        assert service.terminate() == 0
    for text in [*told, *(service.text() for service in services)]:
        assert MARK not in text


def counted(service: ServiceProcess, name: str) -> float:
    """Return a counter's sum over its labels; 0 before the service answers."""
    if not service.ready("/livez"):
        return 0.0
    return sum(value for metric, value in service.metrics().items() if metric.startswith(name))
