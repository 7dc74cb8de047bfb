"""A whole pipeline of a case's own: feeder, scorers, sinks, and who checks them. Does harm only when told to."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psycopg
from confluent_kafka import IsolationLevel

from services.common.settings import TopicSettings, project_root
from services.scorer.models.load import load_model
from services.scorer.score import Model
from tests.faults.audit import Connection
from tests.faults.crew import Crew, Lives, Member
from tests.faults.feeder import Feeder, TransactionMessage, transactions
from tests.faults.footprints import Footprints
from tests.faults.invariant import (
    Findings,
    Log,
    check_quiet,
    compare_acknowledged,
    compare_effects,
    compare_mart,
    compare_scores,
    compare_topics,
    ends_of,
)
from tests.faults.slack import slack
from tests.faults.standing import not_kept, not_read
from tests.faults.tally import COUNTS, keep
from tests.faults.watcher import Watcher
from tests.support.processes import wait_for
from tests.support.topics import log_ends, read_each

QUIET_SECONDS = 60
RECOVERY_SECONDS = {"scorer": 5.0, "broker": 15.0}

HOLD = "offsets_sent=sleep@0-400"
"""Keeps Kafka transactions open for a while, so that what is killed leaves them open."""


@dataclass(frozen=True)
class Scale:
    """How hard a case tries."""

    rate: float
    seconds: float


@dataclass
class Pipeline:
    """What a case works with."""

    name: str
    bootstrap: str
    topics: TopicSettings
    conninfo: str
    random: Random
    seed: str
    scorers: Crew
    sinks: Crew
    watcher: Watcher
    scale: Scale
    done: Counter[str] = field(default_factory=Counter)
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    acknowledged: dict[tuple[int, int], str] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    model_dir: Path = project_root() / "onnx"
    _footprints: Footprints = field(default_factory=Footprints)

    def start(self, scorers: int = 2, sinks: int = 1, points: str = HOLD, **env: str) -> None:
        """Start the services and wait until they are ready; `points` and `env` are the scorers'."""
        for _ in range(scorers):
            self.hire_scorer(points, **env)
        for _ in range(sinks):
            self.sinks.hire()
        self.scorers.wait_ready()
        self.sinks.wait_ready()

    def hire_scorer(self, *points: str, **env: str) -> Member:
        """Start one more scorer; `points` are those of its first life, its second one, and so on."""
        env = {"SCORER_MODEL_DIR": str(self.model_dir), **env}
        lives: Lives = [{"FAULTS_POINTS": specification, **env} for specification in points or ("",)]
        return self.scorers.hire(*lives)

    @contextlib.contextmanager
    def load(
        self, source: Iterator[TransactionMessage] | None = None, rate: float | None = None, *, watched: bool = True
    ) -> Iterator[Feeder]:
        """Send transactions while the block lasts; it begins when every partition has seen some of them scored.

        Not so if it is not watched, as transactions that are rejected have no score to wait for.
        """
        source = source or transactions(self.seed)
        with Feeder(self.bootstrap, self.topics.transactions, source, rate or self.scale.rate) as feeder:
            try:
                if watched:
                    self.watcher.follow(feeder)
                    self.watcher.seconds_to_recover(time.monotonic() - 1, 60 * self.slack, self.text)
                    for crew in (self.scorers, self.sinks):
                        self._footprints.note(crew, 30 * self.slack, self.text)
                yield feeder
            finally:
                self.acknowledged |= feeder.acknowledged
        self.acknowledged |= feeder.acknowledged

    def inflict(self, fault: str) -> None:
        """Count a fault."""
        self.done[fault] += 1

    def kill(self, member: Member, of: str = "scorer") -> float:
        """SIGKILL a process and wait until the pipeline is over it; return the seconds that took."""
        crew = self.scorers if of == "scorer" else self.sinks
        self.inflict(f"kill -9 {of}")
        return self.recovered(of, crew.kill(member))

    def freeze_itself(self, member: Member, seconds: float = 0, *, until_aborted: bool = False) -> None:
        """Wait until a member has frozen itself at a failpoint, leave it so for a while, and wake it.

        With `until_aborted` until the broker has ended the Kafka transactions that were open then: a busy broker looks
        for those that are past their timeout seconds late.
        """
        wait_for(lambda: member.is_stopped, 30 * self.slack, self.text)
        self.inflict("SIGSTOP scorer")
        written = log_ends(self.bootstrap, self.topics.scores)
        time.sleep(seconds)
        if until_aborted:
            self.wait_decided(written)
        self.scorers.thaw(member)

    def wait_decided(self, ends: Mapping[int, int]) -> None:
        """Wait until no Kafka transaction is open before these ends (partition -> offset) of `scores`."""

        def open_ones() -> dict[int, int]:
            decided = log_ends(self.bootstrap, self.topics.scores, IsolationLevel.READ_COMMITTED)
            return {partition: decided[partition] for partition, end in ends.items() if decided[partition] < end}

        wait_for(lambda: not open_ones(), 60 * self.slack, lambda: f"still open: {open_ones()} of {dict(ends)}")

    def recovered(self, what: str, since: float, within: float = 30) -> float:
        """Wait until transactions sent after `since` are scored in every partition; return the seconds, and keep them.

        They are checked against RECOVERY_SECONDS, if it has a limit for what failed.
        """
        seconds = self.watcher.seconds_to_recover(since, within * self.slack, self.text)
        self.recoveries.setdefault(what, []).append(round(seconds, 2))
        limit = RECOVERY_SECONDS.get(what, within) * self.slack
        assert seconds <= limit, f"{what}: recovered after {seconds:.1f} s, allowed {limit}\n{self.text()}"
        return seconds

    def longest_wait(self, seconds: float, until: Callable[[], bool] = lambda: True) -> float:
        """Look on for so long and until that is true; return how old the newest scored transaction was at worst."""
        worst, end = 0.0, time.monotonic() + seconds
        while time.monotonic() < end or not until():
            assert time.monotonic() < end + 30 * self.slack, self.text()
            worst = max(worst, self.watcher.seconds_behind())
            time.sleep(0.1)
        return worst

    @property
    def slack(self) -> float:
        """Factor on the times that are asserted."""
        return slack()

    def pause(self, low: float, high: float) -> None:
        """Let it work for a while, seconds drawn between the two."""
        time.sleep(self.random.uniform(low, high))

    def text(self) -> str:
        """What the services printed, and where they are."""
        return self.scorers.explain() + self.sinks.explain()

    def settle(self) -> Log:
        """Wait until nothing waits, check footprints, end the services; return what the topics hold."""
        self.wait_until_scored()
        if self.sinks.members:
            self.wait_until_kept()
        for crew in (self.scorers, self.sinks):
            crew.wait_ready()
            more = self.slack if crew is self.sinks else 1
            self._footprints.check(crew, self.findings, more)
            codes = crew.dismiss(*crew.members)
            assert set(codes) <= {0}, f"{crew.name} ended with {codes}\n{crew.text[-3000:]}"
        return Log.read(self.bootstrap, self.topics)

    def compare(self) -> Findings:
        """Settle and count; nothing is raised for what was lost or doubled, as that is what the case is about."""
        findings = self._compare(ids_repeat=False)
        self._keep_result(is_control=True)
        return findings

    def check(self, *, ids_repeat: bool = False) -> Findings:
        """Settle and check the invariant; return what was counted."""
        findings = self._compare(ids_repeat=ids_repeat)
        self._keep_result(is_control=False)
        findings.check()
        return findings

    def _compare(self, *, ids_repeat: bool) -> Findings:
        log, findings = self.settle(), self.findings
        compare_topics(log, findings)
        compare_acknowledged(log, self.acknowledged, findings)
        compare_scores(log, self.model, self.topics.transactions, findings)
        uncommitted = read_each(self.bootstrap, self.topics.scores, "read_uncommitted")
        findings.aborted = sum(1 for _ in uncommitted) - findings.scores
        findings.note("scores seen that are not there", self._seen_but_gone(log))
        groups = {self.group("scorer"): self.topics.transactions}
        check_quiet(self.bootstrap, self.topics, groups, findings)
        if self.sinks.gone:
            with self.mart() as mart:
                compare_mart(log, mart, findings)
                if not ids_repeat:
                    compare_effects(log, mart, findings)
        return findings

    def records(self) -> int:
        """Return how many offsets the topic of the transactions has used."""
        return sum(log_ends(self.bootstrap, self.topics.transactions).values())

    @property
    def model(self) -> Model:
        """The scorers' model."""
        return load_model(self.model_dir)

    @contextlib.contextmanager
    def mart(self) -> Iterator[Connection]:
        """Connect to the database as its owner."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            yield connection

    def group(self, service: str) -> str:
        """Return the consumer group of a service."""
        return f"{service}-{self.topics.transactions}"

    def wait_until_scored(self) -> None:
        """Wait until the scorers' group has read all transactions."""
        ends = ends_of(self.bootstrap, self.topics.transactions)

        def behind() -> dict[int, int]:
            return not_read(self.bootstrap, self.group("scorer"), self.topics.transactions, ends)

        wait_for(lambda: not behind(), QUIET_SECONDS * self.slack, lambda: f"not scored: {behind()}\n{self.text()}")

    def wait_until_kept(self) -> None:
        """Wait until the database holds all scores, transactions and alerts."""
        topics = (self.topics.scores, self.topics.transactions, self.topics.alerts)
        ends = {(t, partition): end for t in topics for partition, end in ends_of(self.bootstrap, t).items()}

        def behind() -> dict[tuple[str, int], int]:
            with self.mart() as mart:
                return not_kept(mart, ends)

        wait_for(lambda: not behind(), QUIET_SECONDS * self.slack, lambda: f"not kept: {behind()}\n{self.text()}")

    def _seen_but_gone(self, log: Log) -> list[str]:
        """Return what was read as committed while it ran, and is not committed any more."""
        return list((self.watcher.seen - Counter(name for name, _ in log.scores.values())).elements())

    def _keep_result(self, *, is_control: bool) -> None:
        result = {
            "case": self.name,
            "seed": self.seed,
            "control": is_control,
            **{name: getattr(self.findings, name) for name in COUNTS},
            "faults": dict(self.done),
            "exits": {crew.name: dict(crew.exits) for crew in (self.scorers, self.sinks)},
            "recovery_seconds": self.recoveries,
        }
        keep(result)
