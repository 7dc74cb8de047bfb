"""Compares the scorer with its peers: messages per second of one process, same topic and model, one after the other.

Each process is started as in production, reads a full topic in its own consumer group and writes to its own topic.
Peers score a transaction without the customer's history, so the scorer runs both with and without history.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import Message

from bench.figures import Figures, Goal, figure, ratio
from bench.java import java_command, locked_jar_version
from bench.messages import read_messages
from bench.rates import scores_without_history
from bench.servers import Servers, end, wait_until
from bench.stamps import Window, rate
from bench.venvs import locked_version, make_venv
from services.common.errors import Stop
from services.common.settings import TopicSettings, project_root
from services.scorer.settings import ScorerSettings
from tests.support.processes import ServiceProcess
from tests.support.topics import read_all

CHECKED = 500
"""How many scores of a run are compared with ours."""

FIRST_MESSAGE_SECONDS = 60
TOLERANCE = 1e-5
WATCH_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Contender:
    """A process that scores: the scorer, or a peer.

    Attributes:
        name: the name of its figure.
        what: its description in the table.
        program: a module for `python -m`, or a class for `java`.
        note: a remark beside its figure.
        environment: what it runs in: "quix", "kafka_streams", or None for the project's own Python.
        guarantee: of a peer, the delivery guarantee it is configured with.
        goal: how many times as fast the scorer should be.
        warm_up_seconds: added to the warm-up of the window: a JVM compiles its code while it runs.
    """

    name: str
    what: str
    program: str
    note: str = "without history"
    environment: str | None = None
    guarantee: str = "at-least-once"
    goal: Goal | None = None
    warm_up_seconds: float = 0.0


SCORER = Contender("scorer_process", "scorer with history, exactly once", "services.scorer", "the whole service")
WITHOUT_HISTORY = Contender(
    "no_history_process", "scorer without history, exactly once", "bench.without_history", "the same work as the peers"
)
PEERS = (
    Contender("usual", "the usual loop: a message at a time", "bench.peers.usual_loop", goal=Goal(at_least=300)),
    Contender("quix_alo", "Quix Streams, at least once", "bench.peers.quix", environment="quix"),
    Contender(
        "quix_eos", "Quix Streams, exactly once", "bench.peers.quix", environment="quix", guarantee="exactly-once",
        goal=Goal(at_least=6),
    ),
    Contender(
        "kafka_streams", "Kafka Streams, exactly once", "KafkaStreamsPeer", environment="kafka_streams",
        guarantee="exactly-once", warm_up_seconds=5,
    ),
)  # fmt: skip
OURS = (SCORER, WITHOUT_HISTORY)


def measure(servers: Servers, csv_file: Path, rounds: int, window: Window) -> Figures:
    """Return the rate of each process, measured in turn, and how many times as fast the scorer is."""
    commands = _commands(servers)
    contenders = [contender for contender in (*OURS, *PEERS) if contender.environment in commands]
    topics = servers.make_topics("peers")
    servers.send(csv_file, topics)
    values = {orjson.loads(value)["transaction_id"]: value for _, value in read_messages(csv_file)}
    comparison = _Comparison(servers, topics.transactions, values, commands, window)
    rates: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        for contender in contenders:
            rates[contender.name].append(comparison.run(contender, number))
            print(f"  {contender.what}: {rates[contender.name][-1]:,.0f} messages/s", flush=True)
    return _figures(contenders, rates)


def _commands(servers: Servers) -> dict[str | None, list[str]]:
    """Return how a program of each environment is started; an environment this machine cannot have is left out."""
    commands: dict[str | None, list[str]] = {None: [sys.executable, "-m"]}
    makers: dict[str, Callable[[], list[str]]] = {
        "quix": lambda: [str(make_venv("quix")), "-m"],
        "kafka_streams": java_command,
    }
    for environment, make in makers.items():
        try:
            commands[environment] = make()
        except Stop as error:
            servers.leave_out(f"peer {environment}", str(error))
    return commands


@dataclass(frozen=True)
class _Comparison:
    """Shared by all runs: the source topic, its messages, and the time that is measured."""

    servers: Servers
    source: str
    values: Mapping[str, bytes]
    commands: Mapping[str | None, Sequence[str]]
    window: Window

    def run(self, contender: Contender, number: int) -> float:
        """Return the messages per second of a process in a round.

        Raises:
            Stop: the process exits, writes nothing, or writes scores that differ from the model's.
        """
        topics = self.servers.make_topics(f"{contender.name}-{number}", transactions=self.source)
        window = Window(self.window.warm_up_seconds + contender.warm_up_seconds, self.window.seconds)
        service = self._start(contender, topics)
        try:
            self._watch(service, topics.scores, window)
        finally:
            service.process.terminate()
            end(service.process)
        written = read_all(self.servers.kafka.bootstrap, topics.scores)
        if contender is not SCORER:
            self._check_scores(contender, written)
        try:
            return rate([message.timestamp()[1] for message in written], window)
        except ValueError as error:
            raise Stop(f"{contender.what}: {error}:\n{service.text()[-2000:]}") from None

    def _start(self, contender: Contender, topics: TopicSettings) -> ServiceProcess:
        if contender in OURS:
            return self.servers.start("scorer", topics, module=contender.program)
        folder = self.servers.folder / topics.scores
        options = {
            "brokers": self.servers.kafka.bootstrap,
            "source": topics.transactions,
            "target": topics.scores,
            "group": topics.scores,
            "model": str(ScorerSettings().model_dir),
            "state": str(folder),
            "guarantee": contender.guarantee,
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        log = folder.with_suffix(".log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*self.commands[contender.environment], contender.program, *arguments],
                cwd=project_root(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return ServiceProcess(process, log, probe_port=0)

    def _watch(self, service: ServiceProcess, topic: str, window: Window) -> None:
        """Wait for the first message, then until the window ends or everything is written."""
        wait_until(lambda: self._written(service, topic) > 0, FIRST_MESSAGE_SECONDS, service.text, WATCH_SECONDS)
        deadline = time.monotonic() + window.total_seconds
        while time.monotonic() < deadline and self._written(service, topic) < len(self.values):
            time.sleep(WATCH_SECONDS)

    def _written(self, service: ServiceProcess, topic: str) -> int:
        if service.process.poll() is not None:
            raise Stop(f"the process exited:\n{service.text()[-2000:]}")
        return self.servers.offsets(topic)

    def _check_scores(self, contender: Contender, written: Sequence[Message]) -> None:
        """Compare a sample of the scores with those of our code: a peer that computes something else is no peer."""
        step = max(1, len(written) // CHECKED)
        scores = {one["transaction_id"]: one["score"] for one in map(_content, written[::step])}
        expected = scores_without_history([self.values[transaction_id] for transaction_id in scores])
        worst = max(abs(score - expected[transaction_id]) for transaction_id, score in scores.items())
        if not worst <= TOLERANCE:
            raise Stop(f"{contender.what}: a score differs by {worst:.2g} from the model's")


def _content(message: Message) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(message.value() or b"")
    return content


def _figures(contenders: Sequence[Contender], rates: Mapping[str, list[float]]) -> Figures:
    found: Figures = {}
    for contender in contenders:
        what = f"{contender.what}{_version(contender)}"
        found[contender.name] = figure(what, rates[contender.name], "messages/s", note=contender.note)
    for peer in contenders:
        if peer not in OURS:
            for ours, history in ((SCORER, "with history"), (WITHOUT_HISTORY, "without history")):
                found[f"{ours.name}_to_{peer.name}"] = ratio(
                    f"scorer {history} / {peer.what}",
                    rates[ours.name],
                    rates[peer.name],
                    goal=peer.goal if ours is SCORER else None,
                )
    return found


def _version(contender: Contender) -> str:
    """Return the version of the library that a peer is made with."""
    if contender.environment == "quix":
        return f" ({locked_version('quix', 'quixstreams')})"
    return f" ({locked_jar_version('kafka-streams')})" if contender.environment == "kafka_streams" else ""
