"""The scorer's processor time per message, by the number of processes and of customers in its history.

A rate describes one machine; the cost of a message describes more of them. It is the processor time of the scorers
(user and system, all threads) from the moment when all messages become readable until all are scored, divided by the
number of messages. They are written in one Kafka transaction, which is committed when the measurement begins. The
scorers have scored other messages before: what a process does only once is not a cost of the message.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from bench.figures import Figures, Goal, figure, ratio
from bench.messages import KeyedMessage, customer_stream, read_messages, send, uncommitted
from bench.servers import Servers, wait_until
from services.common.settings import TopicSettings
from tests.support.processes import ServiceProcess

FEW_CUSTOMERS, SOME_CUSTOMERS = 1_000, 10_000
"""With 1,000 customers a batch has ten transactions of each, all with a long history; with 10,000 or more one."""

MESSAGES = 131_072
"""Per round: about two seconds of processor time, measured to a hundredth."""

FIRST_MESSAGES = 32_768
"""Scored before a round with several processes begins."""

PROCESSES = (1, 2, 3, 4)
SAME = Goal(at_least=0.9, at_most=1.1)
SCORED_WITHIN_SECONDS = 300
UNIT = "CPU us/message"

Commit = Callable[[], None]


def measure(servers: Servers, csv_file: Path, rounds: int, many_customers: int) -> Figures:
    """Return microseconds per message with 1 to 4 processes, and with few and with many customers."""
    transactions = read_messages(csv_file)[: FIRST_MESSAGES + MESSAGES]
    first, later = transactions[:FIRST_MESSAGES], transactions[FIRST_MESSAGES:]
    return _of_processes(servers, first, later, rounds) | _of_customers(servers, later, rounds, many_customers)


def _of_processes(
    servers: Servers, first: Sequence[KeyedMessage], transactions: Sequence[KeyedMessage], rounds: int
) -> Figures:
    costs: dict[int, list[float]] = {count: [] for count in PROCESSES}
    rates: dict[int, list[float]] = {count: [] for count in PROCESSES}
    for number in range(rounds):
        for count in PROCESSES:
            topics = servers.make_topics(f"cpu-{count}-{number}")
            with servers.running_together("scorer", topics, count) as scorers:
                servers.wait_shared("scorer", topics, count)
                send(servers, topics.transactions, first)
                _wait_scored(servers, topics, scorers)
                with uncommitted(servers, topics.transactions, transactions) as commit:
                    cost, rate = _cost(servers, topics, scorers, len(transactions), commit)
            costs[count].append(cost)
            rates[count].append(rate)
            print(f"  {count} processes: {cost:.1f} us per message, {rate:,.0f} messages/s", flush=True)
    found: Figures = {}
    for count in PROCESSES:
        processes = "1 process" if count == 1 else f"{count} processes"
        note = f"{figure('', rates[count], '')['value']:,.0f} messages/s together"
        found[f"cpu_{count}"] = figure(f"scorer, {processes}", costs[count], UNIT, note=note)
        if count > 1:
            name, what = f"cpu_{count}_ratio", f"scorer, {processes} / 1 process"
            found[name] = ratio(what, costs[count], costs[1], goal=SAME)
    return found


def _of_customers(servers: Servers, transactions: Sequence[KeyedMessage], rounds: int, many: int) -> Figures:
    """The scorers run through all rounds and take turns, so that all have the same conditions."""
    topics_of = {
        customers: servers.make_topics(f"customers-{customers}") for customers in (FEW_CUSTOMERS, SOME_CUSTOMERS, many)
    }
    costs: dict[int, list[float]] = {customers: [] for customers in topics_of}
    sizes: dict[int, list[float]] = {customers: [] for customers in topics_of}
    with contextlib.ExitStack() as stack:
        scorers = {
            customers: stack.enter_context(servers.running_together("scorer", topics, 1))
            for customers, topics in topics_of.items()
        }
        for customers, topics in topics_of.items():
            send(servers, topics.transactions, customer_stream(transactions, customers, 0, customers))
            _wait_scored(servers, topics, scorers[customers])
        for number in range(rounds):
            for customers, topics in topics_of.items():
                first = customers + number * len(transactions)
                later = list(customer_stream(transactions, customers, first, len(transactions)))
                with uncommitted(servers, topics.transactions, later) as commit:
                    cost, _ = _cost(servers, topics, scorers[customers], len(later), commit)
                costs[customers].append(cost)
                sizes[customers].append(_resident_megabytes(scorers[customers]))
                print(f"  {customers:,} customers: {cost:.1f} us per message", flush=True)
    return {
        "cpu_few": figure(f"scorer, {FEW_CUSTOMERS:,} customers in the history", costs[FEW_CUSTOMERS], UNIT),
        "cpu_some": figure(f"scorer, {SOME_CUSTOMERS:,} customers in the history", costs[SOME_CUSTOMERS], UNIT),
        "cpu_many": figure(f"scorer, {many:,} customers in the history", costs[many], UNIT),
        "cpu_customers_ratio": ratio(
            f"scorer, {many:,} customers / {FEW_CUSTOMERS:,}", costs[many], costs[FEW_CUSTOMERS], goal=SAME
        ),
        "cpu_crowd_ratio": ratio(
            f"scorer, {many:,} customers / {SOME_CUSTOMERS:,}", costs[many], costs[SOME_CUSTOMERS]
        ),
        "rss_few": figure(
            f"scorer's memory, {FEW_CUSTOMERS:,} customers", sizes[FEW_CUSTOMERS], "MB", goal=Goal(at_most=250)
        ),
        "rss_many": figure(f"scorer's memory, {many:,} customers", sizes[many], "MB"),
    }


def _cost(
    servers: Servers, topics: TopicSettings, scorers: Sequence[ServiceProcess], messages: int, commit: Commit
) -> tuple[float, float]:
    """Return microseconds of processor time per message, and messages per second, of what is committed now."""
    busy, started = _processor_seconds(scorers), time.perf_counter()
    commit()
    _wait_scored(servers, topics, scorers, markers=1)
    seconds = time.perf_counter() - started
    return (_processor_seconds(scorers) - busy) / messages * 1e6, messages / seconds


def _wait_scored(servers: Servers, topics: TopicSettings, scorers: Sequence[ServiceProcess], markers: int = 0) -> None:
    """Wait until the group has committed the end of the topic; the scorers themselves are not disturbed.

    Args:
        servers: where they run.
        topics: the topics they use.
        scorers: whose logs are shown if it takes too long.
        markers: offsets at the end of each partition that hold no message: the markers of Kafka transactions.
    """
    wanted = servers.offsets(topics.transactions) - markers * topics.partitions
    wait_until(
        lambda: servers.committed("scorer", topics) >= wanted,
        SCORED_WITHIN_SECONDS,
        lambda: "\n".join(scorer.text() for scorer in scorers),
    )


def _processor_seconds(scorers: Sequence[ServiceProcess]) -> float:
    times = [psutil.Process(scorer.process.pid).cpu_times() for scorer in scorers]
    return float(sum(spent.user + spent.system for spent in times))


def _resident_megabytes(scorers: Sequence[ServiceProcess]) -> float:
    return float(sum(psutil.Process(scorer.process.pid).memory_info().rss for scorer in scorers) / 1e6)
