"""Peers and the scorer, one after the other, on the same topic with the same model: messages a second of one process.

Each is started as it is run in earnest, reads a full topic in a group of its own and writes to a topic of its own.
Peers score a payment without its past; so beside the scorer that remembers stands the scorer that does not.
"""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import Message

from bench.figures import Figures, Goal, figure, ratio
from bench.messages import read_payments
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
"""Scores of a peer that are compared with ours."""

FIRST_MESSAGE_SECONDS = 60
TOLERANCE = 1e-5
WATCH_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Racer:
    """A process that scores: one of ours, or a peer.

    Attributes:
        name: of its figure.
        what: it is, in the table.
        module: started by `python -m`.
        note: beside its figure.
        venv: of a peer, the name of its lock; None for the project's own.
        library: whose version is told.
        guarantee: of a peer, as it is asked for.
        goal: how many times as fast the scorer should be.
    """

    name: str
    what: str
    module: str
    note: str = "without history"
    venv: str | None = None
    library: str = ""
    guarantee: str = "at-least-once"
    goal: Goal | None = None


SCORER = Racer("scorer_process", "scorer with history, exactly once", "services.scorer", "the whole service")
FORGETFUL = Racer(
    "forgetful_process", "scorer without history, exactly once", "bench.without_history", "scores what the peers score"
)
PEERS = (
    Racer("usual", "the usual loop: a message at a time", "bench.peers.usual_loop", goal=Goal(at_least=300)),
    Racer(
        "faust", "Faust, at least once, in batches", "bench.peers.faust_app", venv="faust", library="faust-streaming"
    ),
    Racer("quix_alo", "Quix Streams, at least once", "bench.peers.quix", venv="quix", library="quixstreams"),
    Racer(
        "quix_eos", "Quix Streams, exactly once", "bench.peers.quix", venv="quix", library="quixstreams",
        guarantee="exactly-once", goal=Goal(at_least=6),
    ),
    Racer(
        "bytewax", "Bytewax, at least once, in batches", "bench.peers.bytewax_flow", venv="bytewax", library="bytewax"
    ),
)  # fmt: skip
OURS = (SCORER, FORGETFUL)


def measure(servers: Servers, csv_file: Path, rounds: int, window: Window) -> Figures:
    """Return the rates of all, taken in turn, and how many times as fast the scorer is."""
    pythons, missing = _environments(servers)
    racers = [racer for racer in (*OURS, *PEERS) if racer.venv not in missing]
    topics = servers.make_topics("race")
    servers.send(csv_file, topics)
    values = {orjson.loads(value)["transaction_id"]: value for _, value in read_payments(csv_file)}
    track = _Track(servers, topics.transactions, values, pythons, window)
    rates: dict[str, list[float]] = {racer.name: [] for racer in racers}
    for number in range(rounds):
        for racer in racers:
            rates[racer.name].append(track.run(racer, number))
            print(f"  {racer.what}: {rates[racer.name][-1]:,.0f} messages/s", flush=True)
    return _figures(racers, rates)


def _environments(servers: Servers) -> tuple[dict[str | None, Path], set[str]]:
    """Return the Python of each environment, and the environments that cannot be made on this machine."""
    pythons: dict[str | None, Path] = {None: Path(sys.executable)}
    missing: set[str] = set()
    for venv in dict.fromkeys(peer.venv for peer in PEERS if peer.venv):
        try:
            pythons[venv] = make_venv(venv)
        except subprocess.CalledProcessError as error:
            missing.add(venv)
            servers.leave_out(f"peer {venv}", str(error.stderr).strip().splitlines()[-1])
    return pythons, missing


@dataclass(frozen=True)
class _Track:
    """What all racers find: the same topic, and the same time to show what they can do."""

    servers: Servers
    source: str
    values: Mapping[str, bytes]
    pythons: Mapping[str | None, Path]
    window: Window

    def run(self, racer: Racer, number: int) -> float:
        """Return messages a second of a racer in a round.

        Raises:
            Stop: it ends by itself, writes nothing, or writes scores that are not the model's.
        """
        topics = self.servers.make_topics(f"{racer.name}-{number}", transactions=self.source)
        service = self._start(racer, topics)
        try:
            self._watch(service, topics.scores)
        finally:
            service.process.terminate()
            end(service.process)
        written = read_all(self.servers.kafka.bootstrap, topics.scores)
        if racer is not SCORER:
            self._check_scores(racer, written)
        try:
            return rate([message.timestamp()[1] for message in written], self.window)
        except ValueError as error:
            raise Stop(f"{racer.what}: {error}:\n{service.text()[-2000:]}") from None

    def _start(self, racer: Racer, topics: TopicSettings) -> ServiceProcess:
        if racer in OURS:
            return self.servers.start("scorer", topics, module=racer.module)
        folder = self.servers.folder / topics.scores
        told = {
            "brokers": self.servers.kafka.bootstrap,
            "source": topics.transactions,
            "target": topics.scores,
            "group": topics.scores,
            "model": str(ScorerSettings().model_dir),
            "state": str(folder),
            "guarantee": racer.guarantee,
        }
        arguments = [part for name, value in told.items() for part in (f"--{name}", value)]
        log = folder.with_suffix(".log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(self.pythons[racer.venv]), "-m", racer.module, *arguments],
                cwd=project_root(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return ServiceProcess(process, log, probe_port=0)

    def _watch(self, service: ServiceProcess, topic: str) -> None:
        """Wait for its first message and then for the end of the window, or of what there is to read."""
        wait_until(lambda: self._written(service, topic) > 0, FIRST_MESSAGE_SECONDS, service.text, WATCH_SECONDS)
        enough = time.monotonic() + self.window.whole_seconds
        while time.monotonic() < enough and self._written(service, topic) < len(self.values):
            time.sleep(WATCH_SECONDS)

    def _written(self, service: ServiceProcess, topic: str) -> int:
        if service.process.poll() is not None:
            raise Stop(f"it ended by itself:\n{service.text()[-2000:]}")
        return self.servers.offsets(topic)

    def _check_scores(self, racer: Racer, written: Sequence[Message]) -> None:
        """Compare some of the scores with those of our code: who computes something else is no peer."""
        step = max(1, len(written) // CHECKED)
        scores = {one["transaction_id"]: one["score"] for one in map(_content, written[::step])}
        expected = scores_without_history([self.values[transaction_id] for transaction_id in scores])
        worst = max(abs(score - expected[transaction_id]) for transaction_id, score in scores.items())
        if not worst <= TOLERANCE:
            raise Stop(f"{racer.what}: a score differs by {worst:.2g} from the model's")


def _content(message: Message) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(message.value() or b"")
    return content


def _figures(racers: Sequence[Racer], rates: Mapping[str, list[float]]) -> Figures:
    found: Figures = {}
    for racer in racers:
        what = f"{racer.what}{_version(racer)}"
        found[racer.name] = figure(what, rates[racer.name], "messages/s", note=racer.note)
    for peer in racers:
        if peer not in OURS:
            for ours, beside in ((SCORER, "with history"), (FORGETFUL, "without history")):
                found[f"{ours.name}_to_{peer.name}"] = ratio(
                    f"scorer {beside} / {peer.what}",
                    rates[ours.name],
                    rates[peer.name],
                    goal=peer.goal if ours is SCORER else None,
                )
    return found


def _version(racer: Racer) -> str:
    return f" ({locked_version(racer.venv, racer.library)})" if racer.venv else ""
