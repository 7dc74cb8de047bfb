"""Probes and metrics of the running services."""

import time
import urllib.error
import urllib.request

import pytest

from conftest import Start
from services.common.process import EXIT_STUCK
from services.common.settings import TopicSettings
from stack.servers import PostgresServer
from tests.support.messages import nested
from tests.support.processes import ServiceProcess, wait_for
from tests.support.topics import produce

HUNG = {"module": "tests.faults.service", "FAULTS_POINTS": "committing=sleep@60000-60000"}
"""A scorer whose first commit hangs: a call into the client library that does not come back."""


def head(service: ServiceProcess, path: str) -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{service.probe_port}{path}", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  # our own, http
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def total(service: ServiceProcess, name: str) -> float | None:
    """Return the sum over a metric's labels, None while it has none."""
    values = [value for series, value in service.metrics().items() if series.split("{")[0] == name]
    return sum(values) if values else None


def test_livez_sees_a_hung_call_and_the_watchdog_ends_the_process(
    kafka: str, topics: TopicSettings, start: Start
) -> None:
    """First the probe says no, then the process ends with the exit code that asks for a restart."""
    scorer = start("scorer", FAULTS_WATCHDOG_SECONDS="15", **HUNG).wait_ready(60)
    assert scorer.ready("/livez")

    produce(kafka, topics.transactions, [nested("a")])

    wait_for(lambda: not scorer.ready("/livez"), 30, scorer.text)
    assert scorer.process.poll() is None
    assert scorer.metrics()["fraud_scorer_watchdog_age_seconds"] >= 12
    assert scorer.finish(30) == EXIT_STUCK


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scorer", "sink"])
def test_an_idle_topic_is_no_alarm(name: str, topics: TopicSettings, start: Start) -> None:
    """Without a message for longer than the watchdog's limit, both probes say yes at every look."""
    service = start(name, module="tests.faults.service", FAULTS_WATCHDOG_SECONDS="5").wait_ready(60)
    ages = []
    for _ in range(40):
        time.sleep(0.2)
        assert service.ready("/livez")
        assert service.ready("/readyz")
        ages.append(service.metrics()[f"fraud_{name}_watchdog_age_seconds"])

    assert max(ages) < 4
    assert service.metrics()[f"fraud_{name}_ready"] == 1
    assert service.process.poll() is None


@pytest.mark.parametrize("name", ["scorer", "sink"])
def test_head_is_answered_as_get_without_a_body(name: str, start: Start) -> None:
    """`wget --spider` and some balancers ask so."""
    service = start(name).wait_ready(60)

    assert [head(service, path) for path in ("/livez", "/readyz", "/metrics")] == [(200, b"")] * 3
    assert head(service, "/other") == (404, b"")


@pytest.mark.slow
def test_an_idle_sink_is_not_ready_while_its_database_is_away(start: Start, database: PostgresServer) -> None:
    """Though there is nothing to write, the outage is seen; the sink lives, and is ready again afterwards."""
    sink = start("sink").wait_ready(60)
    database.stop()
    try:
        wait_for(lambda: not sink.ready(), 20, sink.text)
        assert sink.ready("/livez")
        assert sink.metrics()["fraud_sink_ready"] == 0
        assert sink.metrics()["fraud_sink_outages_total"] >= 1
    finally:
        database.start()
    sink.wait_ready(60)


@pytest.mark.slow
def test_lag_grows_while_the_loop_hangs(kafka: str, topics: TopicSettings, start: Start) -> None:
    """What was read but is not committed is behind too, and its age goes on growing."""
    scorer = start("scorer", **HUNG).wait_ready(60)
    assert total(scorer, "fraud_scorer_consumer_lag") in {None, 0}

    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(7)])
    wait_for(lambda: total(scorer, "fraud_scorer_consumer_lag") == 7, 15, scorer.text)
    began = total(scorer, "fraud_scorer_consumer_lag_seconds") or 0.0

    wait_for(lambda: (total(scorer, "fraud_scorer_consumer_lag_seconds") or 0.0) >= began + 4, 15, scorer.text)


@pytest.mark.usefixtures("mart")
def test_nothing_is_behind_once_all_is_kept(kafka: str, topics: TopicSettings, start: Start) -> None:
    """Though `scores` ends with the marker of a Kafka transaction; and every metric of a batch has a value."""
    scorer, sink = start("scorer").wait_ready(60), start("sink").wait_ready(60)
    produce(kafka, topics.transactions, [*(nested(f"{n}") for n in range(50)), b"no json"])
    wait_for(lambda: scorer.metrics()["fraud_scorer_messages_consumed_total"] == 51, 30, scorer.text)
    wait_for(lambda: sink.metrics()['fraud_sink_rows_written_total{table="scores"}'] == 50, 30, sink.text)
    wait_for(lambda: sink.metrics()["fraud_sink_messages_consumed_total"] >= 101, 30, sink.text)

    for service in (scorer, sink):
        name = "scorer" if service is scorer else "sink"
        places = topics.partitions if service is scorer else 2 * topics.partitions
        lag, seconds = f"fraud_{name}_consumer_lag", f"fraud_{name}_consumer_lag_seconds"
        wait_for(lambda lag=lag, service=service: total(service, lag) == 0, 15, service.text)
        found = service.metrics()
        assert sum(series.startswith(lag + "{") for series in found) >= places
        assert total(service, seconds) == 0
        assert found[f"fraud_{name}_batch_size_sum"] == found[f"fraud_{name}_messages_consumed_total"]
        assert 0 < found[f"fraud_{name}_end_to_end_seconds_sum"] < 60 * found[f"fraud_{name}_end_to_end_seconds_count"]
    assert (
        0 < scorer.metrics()["fraud_scorer_inference_seconds_sum"] < scorer.metrics()["fraud_scorer_batch_seconds_sum"]
    )
    assert scorer.metrics()['fraud_scorer_rejects_total{reason="bad_json"}'] == 1
