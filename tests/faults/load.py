"""The invariant of the fault suite on services that run elsewhere, in containers: sent to, watched, compared."""

import contextlib
from collections.abc import Callable, Iterator, Mapping

import psycopg

from services.common.settings import TopicSettings, project_root
from services.scorer.models.load import load_model
from tests.faults.audit import Connection, applied_places, install_audit, remove_audit
from tests.faults.feeder import Feeder, transactions
from tests.faults.invariant import (
    Findings,
    Log,
    Place,
    compare_acknowledged,
    compare_mart,
    compare_scores,
    compare_topics,
    ends_of,
)
from tests.faults.slack import slack
from tests.faults.standing import not_kept, not_read
from tests.faults.watcher import Watcher
from tests.support.processes import wait_for

RATE = 300
"""Transactions a second."""

SETTLE_SECONDS = 120


@contextlib.contextmanager
def under_load(bootstrap: str, conninfo: str, seed: str, explain: Callable[[], str]) -> Iterator[Watcher]:
    """Send transactions while the block lasts and yield who watches their scores; then fail if any was lost or doubled.

    Counted as in the fault suite: in the topics, and in an audit of PostgreSQL that no primary key deceives.
    """
    topics = TopicSettings()
    with psycopg.connect(conninfo, autocommit=True) as mart:
        install_audit(mart)
        query = "select partition, next_offset from sink_offsets where topic = %s"
        before: dict[int, int] = dict(mart.execute(query, (topics.scores,)).fetchall())
    with (
        Watcher(bootstrap, topics.scores, topics.partitions) as watcher,
        Feeder(bootstrap, topics.transactions, transactions(seed), rate=RATE / slack()) as feeder,
    ):
        watcher.follow(feeder)
        yield watcher

    sent = ends_of(bootstrap, topics.transactions)
    wait_for(lambda: not not_read(bootstrap, "scorer", topics.transactions, sent), _settled_within(), explain)
    scored = ends_of(bootstrap, topics.scores)
    read = {topics.transactions: sent, topics.scores: scored}
    ends = {(topic, partition): end for topic, of_topic in read.items() for partition, end in of_topic.items()}
    with psycopg.connect(conninfo, autocommit=True) as mart:
        wait_for(lambda: not not_kept(mart, ends), _settled_within(), explain)
        findings = _compare(Log.read(bootstrap, topics), mart, topics, feeder.acknowledged, before)
        remove_audit(mart)
    print(f"seed {seed}, {len(feeder.acknowledged)} transactions: {findings}")
    findings.check()


def _compare(
    log: Log, mart: Connection, topics: TopicSettings, acknowledged: Mapping[Place, str], before: Mapping[int, int]
) -> Findings:
    """Return what was lost or doubled; `before`: partition of `scores` -> where the audit begins."""
    findings = Findings()
    compare_topics(log, findings)
    compare_acknowledged(log, acknowledged, findings)
    compare_scores(log, load_model(project_root() / "onnx"), topics.transactions, findings)
    compare_mart(log, mart, findings)
    new = {(partition, offset) for partition, offset in log.scores if offset >= before.get(partition, 0)}
    findings.note("scores that were never applied", new - applied_places(mart, "scores"))
    return findings


def _settled_within() -> float:
    return SETTLE_SECONDS * slack()
