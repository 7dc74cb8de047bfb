"""Processor time and bytes per message of the whole pipeline: the input of docs/scale.md.

A file goes through broker, scorer, sink and PostgreSQL, all running at once. The processor time of each (user and
system, all threads and children) is counted from the first message sent until the last row is stored and divided by the
number of messages; the sender's own is not included. Bytes are those on the disks of one broker and of PostgreSQL.
"""

from collections.abc import Mapping
from pathlib import Path

import psutil

from bench.figures import Figures, figure
from bench.messages import KeyedMessage, read_messages, send
from bench.pipeline import wait_stored
from bench.servers import Servers
from services.common.settings import TopicSettings

PARTS = {"broker": "broker", "scorer": "scorer", "sink": "sink", "postgres": "PostgreSQL"}
LOGS = {"transactions": "transactions", "scores": "scores", "history": "changelog of the history"}

Costs = Mapping[str, float]


def measure(servers: Servers, csv_file: Path, rounds: int) -> Figures:
    """Return processor time in microseconds per message, and bytes per message, of each part of the pipeline."""
    transactions = read_messages(csv_file)
    found = [_round(servers, transactions, number) for number in range(rounds)]
    servers.empty_mart()
    values = {name: [costs[name] for costs in found] for name in found[0]}
    return (
        {f"cost_{part}": figure(f"{label}, per message", values[part], "CPU us") for part, label in PARTS.items()}
        | {f"bytes_{log}": figure(f"{label}, on a broker's disk", values[log], "bytes") for log, label in LOGS.items()}
        | {
            "bytes_tables": figure(
                "a transaction and its score in PostgreSQL, with indexes", values["tables"], "bytes"
            ),
            "bytes_wal": figure("the same in PostgreSQL's write-ahead log", values["wal"], "bytes"),
        }
    )


def _round(servers: Servers, transactions: list[KeyedMessage], number: int) -> Costs:
    servers.empty_mart()
    topics = servers.make_topics(f"cost-{number}")
    with (
        servers.running("scorer", topics) as scorer,
        servers.running("sink", topics) as sink,
        servers.connect() as connection,
    ):
        assert servers.kafka.process is not None
        assert servers.postgres.process is not None
        processes = {
            "broker": servers.kafka.process.pid,
            "scorer": scorer.process.pid,
            "sink": sink.process.pid,
            "postgres": servers.postgres.process.pid,
        }
        before = {name: processor_seconds(pid) for name, pid in processes.items()}
        (log_begin,) = connection.execute("select pg_current_wal_lsn()::text").fetchone() or ("",)
        send(servers, topics.transactions, transactions)
        wait_stored(servers, topics, len(transactions))
        spent = {name: 1e6 * (processor_seconds(pid) - before[name]) for name, pid in processes.items()}
        sizes = connection.execute(
            "select pg_total_relation_size('scores') + pg_total_relation_size('transactions'),"
            " pg_current_wal_lsn() - %s::pg_lsn",
            [log_begin],
        ).fetchone() or (0, 0)
    stored = dict(zip(("tables", "wal"), map(float, sizes), strict=True)) | _logs(servers, topics)
    costs = {name: amount / len(transactions) for name, amount in (spent | stored).items()}
    print("  " + ", ".join(f"{label} {costs[part]:.1f}" for part, label in PARTS.items()) + " us", flush=True)
    return costs


def _logs(servers: Servers, topics: TopicSettings) -> dict[str, float]:
    return {log: float(servers.bytes_of(getattr(topics, log))) for log in LOGS}


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process and of its children, including those that have ended."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    times = [one.cpu_times() for one in family]
    ended = process.cpu_times()
    return float(sum(spent.user + spent.system for spent in times) + ended.children_user + ended.children_system)
