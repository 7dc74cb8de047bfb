"""A lone message: from the call of produce to a row that others can read in PostgreSQL."""

import statistics
import time

import psycopg
from confluent_kafka import Producer

from bench.servers import Servers
from tests.support.messages import nested

MESSAGES = 100
PAUSE_SECONDS = 0.1
POLL_SECONDS = 0.002


def measure(servers: Servers) -> dict[str, dict[str, object]]:
    """Return median and 99th percentile in milliseconds."""
    topics = servers.make_topics("latency")
    producer = Producer({"bootstrap.servers": servers.kafka.bootstrap, "linger.ms": 0})
    milliseconds = []
    with (
        servers.running("scorer", topics),
        servers.running("sink", topics),
        psycopg.connect(servers.postgres.conninfo, autocommit=True) as connection,
    ):
        for number in range(MESSAGES + 5):
            transaction_id = f"lone-{number}"
            started = time.perf_counter()
            producer.produce(topics.transactions, nested(transaction_id))
            producer.flush(10)
            while not connection.execute("select 1 from scores where transaction_id = %s", [transaction_id]).fetchone():
                time.sleep(POLL_SECONDS)
            milliseconds.append((time.perf_counter() - started) * 1000)
            time.sleep(PAUSE_SECONDS)
    measured = milliseconds[5:]  # the first ones open connections
    return {
        "latency_p50": _figure("a lone message, from produce to a row in PostgreSQL: p50", statistics.median(measured)),
        "latency_p99": _figure("  the same: p99", statistics.quantiles(measured, n=100)[98]),
    }


def _figure(what: str, milliseconds: float) -> dict[str, object]:
    return {"what": what, "value": round(milliseconds), "unit": "ms", "note": f"of {MESSAGES}"}
