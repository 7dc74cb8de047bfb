"""Kafka that asks for TLS and a login and allows each principal what docs/security.md says, and nothing else."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from conftest import ROOT, database_env
from services.common.errors import Stop
from services.common.kafka.closing import close
from services.common.kafka.offsets import BrokerQuery
from services.common.settings import KafkaSettings, TopicSettings
from services.tools.transactions.__main__ import end_all
from stack.ports import free_port
from stack.servers import PostgresServer
from tests.support.certificates import Certificates, make_certificates
from tests.support.messages import FRAUD, nested
from tests.support.processes import ServiceProcess, module_of, wait_for
from tests.support.secure_kafka import SecureKafka, secure_kafka
from ui.health import KafkaProbe

Run = Callable[..., ServiceProcess]
TOPICS = TopicSettings(partitions=2)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), "127.0.0.1")


@pytest.fixture(scope="module")
def secure(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """The broker with topics and rights, both made by the command that docs/security.md names."""
    home = tmp_path_factory.mktemp("secure-kafka")
    with secure_kafka(home, certificates) as broker:
        env = broker.environment("admin", home / "password-of-admin") | {"TOPIC_PARTITIONS": "2"}
        topics = ServiceProcess.start("services.topics", env, home / "topics.log", 0, "--rights")
        assert topics.finish() == 0, topics.text()
        yield broker


@pytest.fixture
def run(secure: SecureKafka, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Run]:
    """Start services as a user: run("scorer", "scorer", "--until-empty")."""
    started: list[ServiceProcess] = []

    def run_service(name: str, user: str, *arguments: str, **env: str) -> ServiceProcess:
        port = free_port()
        probes = {f"{name.upper()}_PROBE_PORT": str(port), "STATE_DIR": str(tmp_path)}
        settings = secure.environment(user, tmp_path / f"password-of-{user}") | probes | {"TOPIC_PARTITIONS": "2"}
        if name == "sink":
            settings |= database_env(request.getfixturevalue("database"), "fraud_sink")
        service = ServiceProcess.start(
            module_of(name),
            settings | env,
            tmp_path / f"{name}-{len(started)}.log",
            port,
            *arguments,
        )
        started.append(service)
        return service

    yield run_service
    for service in started:
        if service.process.poll() is None:
            service.kill()


@pytest.fixture
def as_user(secure: SecureKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., KafkaSettings]:
    """The settings of a process that logs in as a user, with another password or to another broker if wanted."""

    def settings(user: str, password: str | None = None, **changed: str) -> KafkaSettings:
        for name, value in (secure.environment(user, tmp_path / "password") | changed).items():
            monkeypatch.setenv(name, value)
        if password is not None:
            (tmp_path / "password").write_text(password)
        return KafkaSettings.read()

    return settings


@pytest.mark.slow
def test_a_refused_login_is_no_outage(as_user: Callable[..., KafkaSettings]) -> None:
    """The page distinguishes a wrong password from brokers that are silent, and knows when it is let in."""
    assert KafkaProbe(as_user("page")).state() == "up"
    assert KafkaProbe(as_user("page", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")).state() == "unavailable"
    wrong = KafkaProbe(as_user("page", "guess"))
    wait_for(lambda: wrong.state() == "error", 20)
    with pytest.raises(Stop, match="AUTHENTICATION"):
        wrong.check()


def test_who_may_not_see_a_group_is_told_so(as_user: Callable[..., KafkaSettings]) -> None:
    """Doctor must not say that nobody reads."""
    with pytest.raises(KafkaException, match="AUTHORIZATION"):
        BrokerQuery(as_user("stranger")).members("scorer")


def test_the_product_works_over_tls_with_least_rights(
    secure: SecureKafka, database: PostgresServer, mart: "psycopg.Connection[tuple[object, ...]]", run: Run
) -> None:
    """From `make send` to rows in the database, every service with its own login and its own rights alone."""
    sample = ROOT / "services/simulator/sample.csv"
    for name, user, *arguments in (
        ("sender", "page", str(sample)),
        ("scorer", "scorer", "--until-empty"),
        ("sink", "sink", "--until-empty"),
    ):
        service = run(name, user, *arguments)
        assert service.finish(120) == 0, service.text()
        assert "AUTHORIZATION" not in service.text()

    assert mart.execute("select count(*) from scored_transactions where event_time is not null").fetchone() == (2000,)


def test_open_transactions_are_shown_to_the_administrator_alone(
    as_user: Callable[..., KafkaSettings], capsys: pytest.CaptureFixture[str]
) -> None:
    """By another client library, which takes the same settings; a stranger is refused in one line."""
    end_all(as_user("admin"), TOPICS, go=True)
    assert capsys.readouterr().out == "no Kafka transaction is without an end\n"
    for user in ("stranger", "dlq"):
        with pytest.raises(Stop, match=r"none may be seen|Kafka does not say"):
            end_all(as_user(user), TOPICS, go=True)


@pytest.mark.slow
def test_a_wrong_password_shows_no_transactions(as_user: Callable[..., KafkaSettings]) -> None:
    """The client tries until its time is over."""
    with pytest.raises(Stop, match="Kafka does not answer"):
        end_all(as_user("admin", "guess"), TOPICS, go=True)


@pytest.mark.slow
def test_a_reject_is_replayed_with_the_rights_of_replays(secure: SecureKafka, run: Run) -> None:
    """The dead letter is written by the scorer and read, sent again and noted by User:dlq."""
    produce_as(secure, "producer", TOPICS.transactions, b"{")
    assert run("scorer", "scorer", "--until-empty").finish(120) == 0
    replay = run("dlq", "dlq", "replay", "--go")
    assert replay.finish(120) == 0, replay.text()
    assert "1 sent to transactions" in replay.text()


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("page", TOPICS.scores),
        ("page", TOPICS.alerts),
        ("page", TOPICS.history),
        ("page", TOPICS.dead_letters),
        ("sink", TOPICS.scores),
        ("sink", TOPICS.transactions),
        ("scorer", TOPICS.transactions),
        ("producer", TOPICS.scores),
        ("producer", TOPICS.history),
        ("stranger", TOPICS.transactions),
    ],
)
def test_who_may_not_write_is_refused(user: str, topic: str, secure: SecureKafka) -> None:
    """So a page that was taken over forges no score, and a sink none either."""
    with pytest.raises(KafkaException) as refused:
        produce_as(secure, user, topic, nested("forged", **FRAUD))
    assert refused.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("page", TOPICS.transactions),
        ("page", TOPICS.scores),
        ("page", TOPICS.history),
        ("page", TOPICS.dead_letters),
        ("sink", TOPICS.dead_letters),
        ("sink", TOPICS.history),
        ("producer", TOPICS.transactions),
        ("stranger", TOPICS.transactions),
    ],
)
def test_who_may_not_read_is_refused(user: str, topic: str, secure: SecureKafka) -> None:
    """So whoever sends transactions sees nobody else's."""
    consumer = Consumer(secure.client(user) | {"group.id": "sink", "auto.offset.reset": "earliest"})
    try:
        error = consumer.list_topics(topic, timeout=20).topics[topic].error
        if error is None:  # it may know of the topic, but not read it
            consumer.assign([TopicPartition(topic, 0, 0)])
            assert is_told(consumer, KafkaError.TOPIC_AUTHORIZATION_FAILED)
        else:
            assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    finally:
        close(consumer)


def test_the_groups_and_ids_of_services_are_their_own(secure: SecureKafka, run: Run) -> None:
    """A producer can neither take the scorers' partitions away nor fence a scorer by its transactional id."""
    consumer = Consumer(secure.client("producer") | {"group.id": "scorer"})
    consumer.subscribe([TOPICS.transactions])
    assert is_told(consumer, KafkaError.GROUP_AUTHORIZATION_FAILED)
    close(consumer)

    thief = Producer(secure.client("producer") | {"transactional.id": "scorer-host-0"})
    with pytest.raises(KafkaException) as refused:
        thief.init_transactions(20)
    assert refused.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


def test_only_the_administrator_makes_topics_and_rights(run: Run) -> None:
    """The command ends with the broker's refusal for anybody else."""
    topics = run("topics", "page", "--rights", TOPIC_HISTORY="another")
    assert topics.finish(120) == 1
    assert "uthorization" in topics.text()


@pytest.mark.slow
def test_a_wrong_password_and_a_stranger_s_certificate_are_refused(
    secure: SecureKafka, tmp_path: Path, run: Run
) -> None:
    """Neither does the broker let in who cannot log in, nor does a service talk to a broker nobody vouches for."""
    wrong = secure.client("scorer") | {"sasl.password": "guess"}
    with pytest.raises(KafkaException):
        Producer(wrong | {"log_level": 0}).list_topics(timeout=5)

    other = make_certificates(tmp_path, "127.0.0.1").authority
    with pytest.raises(KafkaException):
        Producer(secure.client("scorer") | {"ssl.ca.location": str(other), "log_level": 0}).list_topics(timeout=5)


def produce_as(secure: SecureKafka, user: str, topic: str, value: bytes) -> None:
    """Send one message and wait for the broker's answer; raise KafkaException if it refuses."""
    errors: list[KafkaError | None] = []
    producer = Producer(secure.client(user) | {"message.timeout.ms": 20_000})
    producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error))
    producer.flush(30)
    [error] = errors
    if error is not None:
        raise KafkaException(error)


def is_told(consumer: Consumer, code: int) -> bool:
    """Return whether a consumer is told this error within 20 s; fails if it is let read."""
    for _ in range(40):
        for message in consumer.consume(1, 0.5):
            error = message.error()
            assert error is not None, "it was let read"
            if error.code() == code:
                return True
    return False
