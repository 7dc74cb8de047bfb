"""A broker that is killed, and a network between it and a scorer that is cut, slow, frozen, or late."""

import threading
import time
from collections.abc import Callable

import orjson
import pytest

from services.common.settings import KafkaSettings
from services.tools.transactions.__main__ import end_all
from stack.servers import KafkaServer
from tests.faults.crew import Member
from tests.faults.kafka_wire import END_TXN, INIT_PRODUCER_ID, TXN_OFFSET_COMMIT, Requests, commits
from tests.faults.pipeline import HOLD, Pipeline
from tests.support.endless import forget_ends
from tests.support.processes import wait_for
from tests.support.proxy import Connection, Proxy
from tests.support.topics import log_ends


@pytest.fixture
def cable(broker_proxy: Proxy) -> Proxy:
    """The network between the broker and whoever comes through it, whole again."""
    broker_proxy.heal()
    return broker_proxy


def hire_behind(cable: Proxy, pipeline: Pipeline, points: str = HOLD, **env: str) -> Member:
    """Start a scorer that reaches the broker through the proxy alone."""
    return pipeline.hire_scorer(points, KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{cable.port}", **env)


def test_the_broker_is_killed(pipeline: Pipeline, broker: KafkaServer, long: bool) -> None:
    """kill -9, down for 2 s and for longer: within 15 s of its return transactions of all partitions are scored again.

    The sink then has to find its offsets again, with clients that have known the broker from before.
    """
    pipeline.start(scorers=3)
    with pipeline.load(), pipeline.mart() as mart:
        for seconds in (2, 20, 2, 20) if long else (2, 8):
            pipeline.inflict("kill -9 broker")
            broker.kill()
            time.sleep(seconds)
            broker.start()
            pipeline.recovered("broker", time.monotonic(), within=60)
            mart.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'fraud-sink'")
            pipeline.pause(1, 3)

    pipeline.check()


def test_a_transaction_without_an_end_is_ended_by_the_command(pipeline: Pipeline, broker: KafkaServer) -> None:
    """What a broker that is killed in the middle of a commit can leave: the group's offsets are held back for good.

    The scorers that wait say so, and within 15 s of `make transactions ARGS=--go` all is scored again.
    """
    victim = pipeline.hire_scorer("offsets_sent=stop@100", HOLD)
    pipeline.start(scorers=1)
    kafka = KafkaSettings(bootstrap_servers=pipeline.bootstrap)
    with pipeline.load():
        wait_for(lambda: victim.is_stopped, 30 * pipeline.slack, pipeline.text)
        forget_ends(broker, {member_of(victim): False})
        pipeline.inflict("transaction without an end")
        pipeline.scorers.kill(victim)
        wait_for(
            lambda: "a Kafka transaction has no end in" in pipeline.scorers.text, 60 * pipeline.slack, pipeline.text
        )
        end_all(kafka, pipeline.topics, go=True)
        pipeline.recovered("transaction without an end", time.monotonic(), within=15)

    assert pipeline.check().aborted > 0


def member_of(scorer: Member) -> str:
    """Return the transactional id of a scorer, from its log."""
    started = next(line for line in scorer.service.text().splitlines() if '"event": "started"' in line)
    return str(orjson.loads(started)["member"])


def test_a_scorer_is_cut_off_again_and_again(pipeline: Pipeline, cable: Proxy, long: bool) -> None:
    """All of its connections end at once, in the middle of Kafka transactions: it goes on with a new producer."""
    victim = hire_behind(cable, pipeline)
    pipeline.start(scorers=1)
    with pipeline.load():
        for _ in range(20 if long else 4):
            pipeline.pause(0.5, 2)
            pipeline.inflict("cut")
            cable.cut()
            pipeline.recovered("cut", time.monotonic())

    pipeline.check()
    assert victim.service.text().count("clients_recreated") >= 2


def test_a_scorer_on_a_slow_network(pipeline: Pipeline, cable: Proxy) -> None:
    """A third of a second each way: slower, and nothing else."""
    hire_behind(cable, pipeline)
    pipeline.start(scorers=1)
    with pipeline.load():
        pipeline.inflict("slow")
        cable.delay_seconds = 0.3
        pipeline.pause(pipeline.scale.seconds, pipeline.scale.seconds)
        cable.heal()
        pipeline.recovered("slow", time.monotonic())

    pipeline.check()


def test_a_half_open_connection(pipeline: Pipeline, cable: Proxy, long: bool) -> None:
    """Nothing comes through for longer than the Kafka transaction lives: then it does again, much too late."""
    victim = hire_behind(cable, pipeline, FAULTS_TRANSACTION_TIMEOUT_MS="2000")
    pipeline.start(scorers=1)
    with pipeline.load():
        for _ in range(5 if long else 1):
            freeze_within_a_transaction(cable, pipeline)
            pipeline.inflict("half-open")
            time.sleep(8)
            cable.heal()
            pipeline.recovered("half-open", time.monotonic())

    pipeline.check()
    assert "clients_recreated" in victim.service.text()


def freeze_within_a_transaction(cable: Proxy, pipeline: Pipeline) -> None:
    """Let nothing through any more from the moment when a Kafka transaction holds its records, and not its offsets."""
    requests, is_frozen = Requests(), threading.Event()

    def freeze_at_its_offsets(connection: Connection, data: bytes) -> bytes:
        passing = {kind for kind, _ in requests.complete(connection, data)}
        if TXN_OFFSET_COMMIT in passing and not is_frozen.is_set():  # once: whoever thaws it is not overruled
            cable.freeze()
            is_frozen.set()
        return data

    cable.on_request = freeze_at_its_offsets
    wait_for(is_frozen.is_set, 30 * pipeline.slack, pipeline.text)


def test_a_commit_that_arrives_too_late_meets_a_new_producer(pipeline: Pipeline, cable: Proxy) -> None:
    """librdkafka cannot fence a late EndTxn within an epoch (before KIP-890): no Kafka transaction may follow in it.

    The proxy holds an EndTxn back and cuts the client off. Whatever the client does about that one, it must not begin
    the next one before it has taken a new epoch. Then the late EndTxn is delivered, in the middle of the next one.
    """
    victim, late = deliver_late(cable, pipeline)

    assert late.epochs_taken_before_next >= 1
    pipeline.check()
    assert "a connection was lost" in victim.service.text()


def test_a_scorer_that_goes_on_after_a_lost_connection_doubles_and_is_caught(pipeline: Pipeline, cable: Proxy) -> None:
    """The case above can fail: the late EndTxn commits records of the next Kafka transaction without its offsets."""
    _, late = deliver_late(cable, pipeline, FAULTS_VARIANT="unfenced")

    findings = pipeline.compare()
    assert late.epochs_taken_before_next == 0
    assert findings.doubled > 0
    assert findings.lost == 0


def deliver_late(cable: Proxy, pipeline: Pipeline, **env: str) -> tuple[Member, "LateCommit"]:
    """Load a scorer whose EndTxn comes late, until it has gone on; return it and what was seen on the wire."""
    late = LateCommit(lambda: pipeline.wait_decided(log_ends(pipeline.bootstrap, pipeline.topics.scores)))
    # Time for the records to arrive before the offsets.
    victim = hire_behind(cable, pipeline, "produced=sleep@100", **env)
    pipeline.start(scorers=1)
    with pipeline.load():
        cable.on_request = late.on_request
        wait_for(late.delivered.is_set, 30 * pipeline.slack, pipeline.text)
        pipeline.inflict("late EndTxn")
        pipeline.recovered("late EndTxn", time.monotonic())
    return victim, late


class LateCommit:
    """Holds back one EndTxn, one that commits, until the next Kafka transaction is under way.

    Args:
        wait_decided: waits until every Kafka transaction that is open has ended.
    """

    def __init__(self, wait_decided: Callable[[], None]) -> None:
        self._wait_decided = wait_decided
        self.delivered = threading.Event()
        self.epochs_taken_before_next = 0
        self._held: tuple[Connection, bytes] | None = None
        self._lock = threading.Lock()
        self._requests = Requests()

    def on_request(self, connection: Connection, data: bytes) -> bytes:
        with self._lock:
            for kind, frame in self._requests.complete(connection, data):
                if self._held is None and kind == END_TXN and commits(frame):
                    self._held = (connection, frame)
                    connection.keeps_server = True
                    connection.cut_client()
                elif self._held is None or connection is not self._held[0]:
                    self._look_at(kind)
                    connection.server.sendall(frame)
        return b""

    def _look_at(self, kind: int) -> None:
        if self._held is None or self.delivered.is_set():
            return
        if kind == INIT_PRODUCER_ID:
            self.epochs_taken_before_next += 1
        elif kind == TXN_OFFSET_COMMIT:  # the worst moment: the next one holds its records, and not yet its offsets
            connection, frame = self._held
            connection.server.sendall(frame)
            if not self.epochs_taken_before_next:  # it is believed, and ends what is open
                self._wait_decided()
            time.sleep(0.2)
            connection.cut()
            self.delivered.set()
