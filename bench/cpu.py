"""What a message costs the scorer's processor: with more processes, and with more customers remembered.

Rates say what one machine does; the cost of a message says what more machines do. It is the processor time of the
scorers (user and system, all threads) from the moment when all messages become readable at once until all are scored,
divided by the messages. These wait in an open Kafka transaction. Before, the scorers have scored some others: what a
process does once in its life is not a cost of the message.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from bench.figures import Figures, Goal, figure, ratio
from bench.messages import Payment, held_back, of_crowd, read_payments, send
from bench.servers import Servers, wait_until
from services.common.settings import TopicSettings
from tests.support.processes import ServiceProcess

FEW_CUSTOMERS, SOME_CUSTOMERS = 1_000, 10_000
"""Of 1,000 a batch has ten payments each, and all have a long past; of 10,000 and more it has one each."""

MESSAGES = 131_072
"""Of a round; two seconds of processor time or so, told to a hundredth."""

FIRST_MESSAGES = 32_768
"""Scored before a round of several processes begins."""

PROCESSES = (1, 2, 3, 4)
SAME = Goal(at_least=0.9, at_most=1.1)
SCORED_WITHIN_SECONDS = 300
UNIT = "CPU us/message"

Release = Callable[[], None]


def measure(servers: Servers, csv_file: Path, rounds: int, many_customers: int) -> Figures:
    """Return microseconds a message with 1 to 4 processes, and with few and with many customers."""
    payments = read_payments(csv_file)[: FIRST_MESSAGES + MESSAGES]
    first, later = payments[:FIRST_MESSAGES], payments[FIRST_MESSAGES:]
    return _of_processes(servers, first, later, rounds) | _of_customers(servers, later, rounds, many_customers)


def _of_processes(servers: Servers, first: Sequence[Payment], payments: Sequence[Payment], rounds: int) -> Figures:
    costs: dict[int, list[float]] = {count: [] for count in PROCESSES}
    rates: dict[int, list[float]] = {count: [] for count in PROCESSES}
    for number in range(rounds):
        for count in PROCESSES:
            topics = servers.make_topics(f"cpu-{count}-{number}")
            with servers.running_together("scorer", topics, count) as scorers:
                servers.wait_shared("scorer", topics, count)
                send(servers, topics.transactions, first)
                _wait_scored(servers, topics, scorers)
                with held_back(servers, topics.transactions, payments) as release:
                    cost, rate = _cost(servers, topics, scorers, len(payments), release)
            costs[count].append(cost)
            rates[count].append(rate)
            print(f"  {count} processes: {cost:.1f} us a message, {rate:,.0f} messages/s", flush=True)
    found: Figures = {}
    for count in PROCESSES:
        processes = "1 process" if count == 1 else f"{count} processes"
        note = f"{figure('', rates[count], '')['value']:,.0f} messages/s together"
        found[f"cpu_{count}"] = figure(f"scorer, {processes}", costs[count], UNIT, note=note)
        if count > 1:
            name, what = f"cpu_{count}_ratio", f"scorer, {processes} / 1 process"
            found[name] = ratio(what, costs[count], costs[1], goal=SAME)
    return found


def _of_customers(servers: Servers, payments: Sequence[Payment], rounds: int, many: int) -> Figures:
    """The scorers live through all rounds and take turns, so that all have the same machine."""
    crowds = {
        customers: servers.make_topics(f"crowd-{customers}") for customers in (FEW_CUSTOMERS, SOME_CUSTOMERS, many)
    }
    costs: dict[int, list[float]] = {customers: [] for customers in crowds}
    sizes: dict[int, list[float]] = {customers: [] for customers in crowds}
    with contextlib.ExitStack() as stack:
        scorers = {
            customers: stack.enter_context(servers.running_together("scorer", topics, 1))
            for customers, topics in crowds.items()
        }
        for customers, topics in crowds.items():
            send(servers, topics.transactions, of_crowd(payments, customers, 0, customers))
            _wait_scored(servers, topics, scorers[customers])
        for number in range(rounds):
            for customers, topics in crowds.items():
                first = customers + number * len(payments)
                later = list(of_crowd(payments, customers, first, len(payments)))
                with held_back(servers, topics.transactions, later) as release:
                    cost, _ = _cost(servers, topics, scorers[customers], len(later), release)
                costs[customers].append(cost)
                sizes[customers].append(_resident_megabytes(scorers[customers]))
                print(f"  {customers:,} customers: {cost:.1f} us a message", flush=True)
    return {
        "cpu_few": figure(f"scorer, {FEW_CUSTOMERS:,} customers remembered", costs[FEW_CUSTOMERS], UNIT),
        "cpu_some": figure(f"scorer, {SOME_CUSTOMERS:,} customers remembered", costs[SOME_CUSTOMERS], UNIT),
        "cpu_many": figure(f"scorer, {many:,} customers remembered", costs[many], UNIT),
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
    servers: Servers, topics: TopicSettings, scorers: Sequence[ServiceProcess], messages: int, release: Release
) -> tuple[float, float]:
    """Return microseconds of processor time a message, and messages a second, of what is released now."""
    busy, started = _processor_seconds(scorers), time.perf_counter()
    release()
    _wait_scored(servers, topics, scorers, markers=1)
    seconds = time.perf_counter() - started
    return (_processor_seconds(scorers) - busy) / messages * 1e6, messages / seconds


def _wait_scored(servers: Servers, topics: TopicSettings, scorers: Sequence[ServiceProcess], markers: int = 0) -> None:
    """Wait until everything is scored, told by the group's offsets: the scorers themselves are left alone.

    Args:
        servers: where they run.
        topics: theirs.
        scorers: told of if it takes too long.
        markers: offsets at the end of each partition that no message has: those of a Kafka transaction.
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
