"""The one invariant of all cases, checked when it is quiet.

    every committed message of `transactions` = one committed record of `scores`, or one dead letter
    every score = the one of a single pass over the log of its partition, what is remembered of customers included
    every flagged score = one record of `alerts`, no other has one
    every record of `scores`, `alerts` and `transactions` = one effect in PostgreSQL, by an audit that no key deceives
    in each partition the scores come in the order of the transactions
    nothing waits: no lag, no open Kafka transaction

Everything is counted in the topics and in the audit; nothing a service says of itself is believed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson
from confluent_kafka import IsolationLevel, Message

from services.common.contract.ids import record_id
from services.common.kafka.dead_letters import MARKER_HEADER, PREFIX
from services.common.settings import TopicSettings
from services.scorer.score import Model
from tests.faults.audit import Connection, applied_places, applied_twice
from tests.faults.standing import committed_offsets
from tests.support.recompute import recomputed
from tests.support.topics import headers, log_ends, read_each

Place = tuple[int, int]
"""(partition, offset)"""

SHOWN = 5

SCORE_TOLERANCE = 2e-6
"""Scores are published with 6 decimals."""


@dataclass
class Findings:
    """What was counted. `aborted`: records of `scores` of Kafka transactions that were not committed."""

    records: int = 0
    scores: int = 0
    dead_letters: int = 0
    aborted: int = 0
    lost: int = 0
    doubled: int = 0
    faults: list[str] = field(default_factory=list)

    def note(self, fault: str, examples: Iterable[object]) -> int:
        """Note a fault if there are examples of it; return how many."""
        found = list(examples)
        if found:
            self.faults.append(f"{len(found)} {fault}, e.g. {found[:SHOWN]}")
        return len(found)

    def check(self) -> None:
        """Fail if anything was found."""
        assert not self.faults, "\n".join(self.faults)


@dataclass
class Log:
    """The topics as a committed reader sees them."""

    inputs: dict[Place, str] = field(default_factory=dict)
    transactions: dict[Place, tuple[bytes | None, bytes]] = field(default_factory=dict)
    """Place -> (key, value) of the inputs."""
    scores: dict[Place, tuple[str, float]] = field(default_factory=dict)
    flagged: list[str] = field(default_factory=list)
    alerts: dict[Place, str] = field(default_factory=dict)
    dead: list[Place] = field(default_factory=list)

    @classmethod
    def read(cls, bootstrap: str, topics: TopicSettings) -> "Log":
        """Read all four."""
        log = cls()
        for message in read_each(bootstrap, topics.transactions):
            place = _place(message)
            log.inputs[place], log.transactions[place] = input_id(message), (message.key(), message.value() or b"")
        for message in read_each(bootstrap, topics.scores):
            body = orjson.loads(message.value() or b"")
            log.scores[_place(message)] = (body["transaction_id"], body["score"])
            if body["fraud_flag"]:
                log.flagged.append(body["transaction_id"])
        for message in read_each(bootstrap, topics.alerts):
            log.alerts[_place(message)] = orjson.loads(message.value() or b"")["transaction_id"]
        for message in read_each(bootstrap, topics.dead_letters):
            told = headers(message)
            if MARKER_HEADER not in told:
                log.dead.append((int(told[PREFIX + "partition"]), int(told[PREFIX + "offset"])))
        return log


def compare_topics(log: Log, findings: Findings) -> None:
    """Note what was lost or doubled on the way through the scorers, and what overtook."""
    findings.records, findings.scores, findings.dead_letters = len(log.inputs), len(log.scores), len(log.dead)
    flagged, alerts = Counter(log.flagged), Counter(log.alerts.values())
    due = flagged & Counter(log.inputs.values())  # a score too many is counted below: it is owed no alert of its own
    findings.lost += findings.note("flagged transactions without an alert", (due - alerts).elements())
    findings.doubled += findings.note("alerts too many", (alerts - flagged).elements())
    dead = Counter(log.dead)
    expected = Counter(name for place, name in log.inputs.items() if place not in dead)
    found = Counter(name for name, _ in log.scores.values())
    findings.lost += findings.note("transactions without a score", (expected - found).elements())
    findings.doubled += findings.note("scores too many", (found - expected).elements())
    findings.doubled += findings.note("dead letters too many", [place for place, times in dead.items() if times > 1])
    findings.note("dead letters of nothing", dead.keys() - log.inputs.keys())
    findings.note("scores out of order", _overtaken(log, expected))


def compare_scores(log: Log, model: Model, topic: str, findings: Findings) -> None:
    """Note scores that differ from those of one pass over the log; rejects are remembered by nobody."""
    dead = set(log.dead)
    transactions = {place: transaction for place, transaction in log.transactions.items() if place not in dead}
    expected, found = _by_id(recomputed(transactions, model, topic)), _by_id(log.scores)
    differing = [(name, found[name], wanted) for name, wanted in expected.items() if _differ(found[name], wanted)]
    findings.note("scores (id, found, expected) that are not those of one pass over the log", differing)


def compare_acknowledged(log: Log, acknowledged: Mapping[Place, str], findings: Findings) -> None:
    """Note transactions that were acknowledged and are not in the topic, at their offset if it is known."""
    names = set(log.inputs.values())

    def is_there(place: Place, name: str) -> bool:
        return log.inputs.get(place) == name if place[1] >= 0 else name in names

    missing = [name for place, name in acknowledged.items() if name and not is_there(place, name)]
    findings.lost += findings.note("acknowledged transactions that are gone", missing)


def compare_mart(log: Log, mart: Connection, findings: Findings) -> None:
    """Note what was lost or doubled on the way into PostgreSQL."""
    topics = {"scores": log.scores.keys(), "transactions": log.inputs.keys(), "alerts": log.alerts.keys()}
    for table, places in topics.items():
        findings.doubled += findings.note(f"records applied twice to {table}", applied_twice(mart, table))
        findings.note(f"records applied to {table} that are not in its topic", applied_places(mart, table) - places)
    newest = {name: score for _, (name, score) in sorted(log.scores.items())}
    kept = dict(mart.execute("select transaction_id, score from scores").fetchall())
    rejected = {
        bytes(key).decode() for (key,) in mart.execute("select key from sink_rejects where key is not null").fetchall()
    }
    findings.lost += findings.note("scores that are not in PostgreSQL", newest.keys() - kept.keys() - rejected)
    findings.note("rows of scores that nobody wrote", kept.keys() - newest.keys())
    findings.note("scores that differ", [name for name in kept.keys() & newest.keys() if kept[name] != newest[name]])
    rows = {name for (name,) in mart.execute("select transaction_id from transactions").fetchall()}
    findings.lost += findings.note("transactions that are not in PostgreSQL", newest.keys() - rows)
    told = {name for (name,) in mart.execute("select transaction_id from alerts").fetchall()}
    findings.lost += findings.note("alerts that are not in PostgreSQL", set(log.alerts.values()) - told - rejected)


def compare_effects(log: Log, mart: Connection, findings: Findings) -> None:
    """Note records without an effect of their own, but for ids that come twice: of those a batch keeps the last."""
    refused = set(mart.execute('select partition, "offset" from sink_rejects').fetchall())
    times = Counter(name for name, _ in log.scores.values())
    once = {place for place, (name, _) in log.scores.items() if times[name] == 1}
    missing = once - applied_places(mart, "scores") - refused
    findings.lost += findings.note("scores that were never applied", missing)


def check_quiet(bootstrap: str, topics: TopicSettings, groups: Mapping[str, str], findings: Findings) -> None:
    """Note open Kafka transactions, and groups (name -> topic) that have not read their topic to the end."""
    for topic in (topics.scores, topics.alerts, topics.dead_letters, topics.history):
        committed = log_ends(bootstrap, topic, IsolationLevel.READ_COMMITTED)
        written = log_ends(bootstrap, topic)
        open_ones = [(topic, partition) for partition, end in written.items() if committed[partition] != end]
        findings.note("partitions with an open Kafka transaction", open_ones)
    for group, topic in groups.items():
        ends = ends_of(bootstrap, topic)
        stands = committed_offsets(bootstrap, group, topic, ends)
        behind = [(group, at, stands[at], end) for at, end in ends.items() if stands[at] < end]
        findings.note("partitions behind (group, partition, stands at, end)", behind)


def ends_of(bootstrap: str, topic: str) -> dict[int, int]:
    """Return partition -> offset after its last committed message; partitions without one are left out."""
    return {partition: offset + 1 for partition, offset in map(_place, read_each(bootstrap, topic))}


def input_id(message: Message) -> str:
    """Return the id a message of `transactions` has, or gets; the empty text if it cannot be read."""
    try:
        body = orjson.loads(message.value() or b"")
        given = body.get("transaction_id")
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    partition, offset = _place(message)
    return str(given) if given else record_id(message.topic() or "", partition, offset)


def _by_id(scores: Mapping[Place, tuple[str, float]]) -> dict[str, list[float]]:
    grouped: dict[str, list[float]] = defaultdict(list)
    for name, score in scores.values():
        grouped[name].append(score)
    for of_one in grouped.values():
        of_one.sort()
    return grouped


def _differ(found: list[float], expected: list[float]) -> bool:
    """Return whether as many scores of an id were found as expected, and they are others."""
    return len(found) == len(expected) and any(
        abs(a - b) > SCORE_TOLERANCE for a, b in zip(found, expected, strict=True)
    )


def _place(message: Message) -> Place:
    return message.partition() or 0, message.offset() or 0


def _overtaken(log: Log, expected: Counter[str]) -> list[tuple[str, str]]:
    """Return pairs of scores, in one partition of `scores`, whose transactions lie the other way round in theirs."""
    places = {name: place for place, name in log.inputs.items() if expected[name] == 1}
    newest: dict[tuple[int, int], tuple[int, str]] = {}
    found = []
    for (partition, _), (name, _) in sorted(log.scores.items()):
        if name in places:
            source, offset = places[name]
            before = newest.get((partition, source), (-1, ""))
            if offset < before[0]:
                found.append((before[1], name))
            newest[partition, source] = (offset, name)
    return found
