"""A whole CSV file: from `make send` to the last row in PostgreSQL, and each stage alone."""

import time
from pathlib import Path

import psycopg

from bench.servers import Servers
from tests.support.processes import wait_for

WAIT_SECONDS = 600


def measure(servers: Servers, csv_file: Path, rows: int) -> dict[str, dict[str, object]]:
    """Return the seconds of the whole and of the sender and the sink alone."""
    alone = servers.make_topics("stages")
    sending = _seconds(lambda: servers.send(csv_file, alone))
    with servers.running("scorer", alone) as scorer:
        consumed = "fraud_scorer_messages_consumed_total"
        scoring = _seconds(lambda: wait_for(lambda: scorer.metrics()[consumed] == rows, WAIT_SECONDS))
    with servers.running("sink", alone):
        sinking = _seconds(lambda: _wait_for_rows(servers, rows))
    _empty(servers)
    together = servers.make_topics("pipeline")
    with servers.running("scorer", together), servers.running("sink", together):
        started = time.perf_counter()
        servers.send(csv_file, together)
        _wait_for_rows(servers, rows)
        whole = time.perf_counter() - started
    _empty(servers)
    return {
        "csv": _figure(f"CSV of {rows:,} rows, from `make send` to the last row in PostgreSQL", whole),
        "csv_send": _figure("  of it alone: reading, checking and sending the file", sending),
        "csv_score": _figure("  of it alone: scoring it", scoring),
        "csv_sink": _figure("  of it alone: writing its payments and scores to PostgreSQL", sinking),
    }


def _seconds(action: object) -> float:
    started = time.perf_counter()
    action()  # type: ignore[operator]
    return time.perf_counter() - started


def _figure(what: str, seconds: float) -> dict[str, object]:
    return {"what": what, "value": round(seconds, 1), "unit": "s"}


def _wait_for_rows(servers: Servers, rows: int) -> None:
    query = "select (select count(*) from scores), (select count(*) from transactions)"
    with psycopg.connect(servers.postgres.conninfo, autocommit=True) as connection:
        wait_for(lambda: connection.execute(query).fetchone() == (rows, rows), WAIT_SECONDS)


def _empty(servers: Servers) -> None:
    with psycopg.connect(servers.postgres.conninfo, autocommit=True) as connection:
        connection.execute("truncate scores, transactions, sink_offsets, sink_rejects restart identity")
