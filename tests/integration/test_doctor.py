"""Things are broken one by one, on real servers and services, and the doctor names each of them."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from conftest import ROOT, Start, database_env
from services.common.settings import KafkaSettings, TopicSettings
from services.tools.doctor.__main__ import main
from services.tools.doctor.database import RIGHTS, wanted_rights
from services.topics.__main__ import make_topics
from stack.ports import free_port
from stack.servers import PostgresServer
from tests.support.processes import ServiceProcess, wait_for
from tests.support.topics import produce, set_config

Connection = psycopg.Connection[tuple[Any, ...]]
Examine = Callable[..., tuple[int, str]]


@pytest.fixture
def examine(
    kafka: str,
    topics: TopicSettings,
    database: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Examine:
    """Run the doctor as its command does, with some variables changed for once; return exit code and lines."""
    owner = database_env(database, "fraud_ui") | {"PGUSER": "fraud_owner", "PGPASSWORD": database.password}
    names = {f"TOPIC_{field.upper()}": str(value) for field, value in topics.model_dump().items()}
    groups = {f"{name.upper()}_GROUP_ID": f"{name}-{topics.transactions}" for name in ("scorer", "sink")}
    for name, value in (owner | names | groups | {"KAFKA_BOOTSTRAP_SERVERS": kafka}).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, **changes: str) -> tuple[int, str]:
        with monkeypatch.context() as patch:
            for name, value in changes.items():
                patch.setenv(name, value)
            capsys.readouterr()
            code = main(["--disk-gb", "0.5", *arguments])
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def services(
    kafka: str,
    topics: TopicSettings,
    database: PostgresServer,
    mart: Connection,
    start: Start,
    tmp_path: Path,
) -> Iterator[dict[str, ServiceProcess]]:
    """Scorer, sink and page, ready."""
    port = free_port()
    env = database_env(database, "fraud_ui") | {"KAFKA_BOOTSTRAP_SERVERS": kafka, "UI_PORT": str(port)}
    page = ServiceProcess.start("ui", env | {"GRADIO_TEMP_DIR": str(tmp_path)}, tmp_path / "ui.log", port)
    running = {"scorer": start("scorer").wait_ready(), "sink": start("sink").wait_ready(), "page": page}
    wait_for(lambda: page.ready("/healthz"), 90, page.text)
    yield running
    page.kill()


def places(services: dict[str, ServiceProcess]) -> list[str]:
    """Return the variables with the services' addresses."""
    return [f"--{name}-url=http://127.0.0.1:{service.probe_port}" for name, service in services.items()]


def line(told: str, status: str, subject: str) -> str:
    """Return the first line of a status and subject; fails without one."""
    found = [one for one in told.splitlines() if one.startswith(f"{status:<4}  {subject} ")]
    assert found, told
    return found[0]


@pytest.mark.timeout(600)
def test_everything_that_runs_well_is_well(examine: Examine, services: dict[str, ServiceProcess]) -> None:
    """No fix is offered, and the exit code is 0."""
    code, told = examine(*places(services))

    assert code == 0, told
    subjects = ("python", "model", "kafka", "topics", "lag", "dead letters", "postgres", "schema", "rights", "offsets",
                "rejects", "clock", "scorer", "model in use", "sink", "ui")  # fmt: skip
    for subject in subjects:
        line(told, "OK", subject)
    assert "FAIL" not in told


@pytest.mark.timeout(600)
def test_services_that_died_are_named(examine: Examine, services: dict[str, ServiceProcess]) -> None:
    """Their probes do not answer; what waits for them grows old."""
    services["scorer"].kill()
    services["page"].kill()

    code, told = examine(*places(services))

    assert code == 1
    assert "make logs SERVICE=scorer" in line(told, "FAIL", "scorer")
    line(told, "FAIL", "ui")
    line(told, "OK", "sink")


@pytest.mark.slow
def test_a_service_that_is_not_ready_is_not_well(
    examine: Examine, start: Start, topics: TopicSettings, kafka: str
) -> None:
    """It lives, but cannot work: a sink without its database."""
    sink = start("sink", PGPORT=str(free_port()))
    wait_for(lambda: sink.ready("/livez"), 60, sink.text)

    _, told = examine(*places({"sink": sink}))

    assert "/readyz answers 503" in line(told, "FAIL", "sink")


@pytest.mark.slow
def test_servers_that_are_away_are_named(examine: Examine, mart: Connection) -> None:
    """Each is told by its address; what needs them is left out, and the rest is examined all the same."""
    code, told = examine(KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}")
    assert code == 1
    assert "KAFKA_BOOTSTRAP_SERVERS" in line(told, "FAIL", "kafka")
    assert "topics" not in told.split("answers at")[0].replace("KAFKA", "")
    line(told, "OK", "schema")

    code, told = examine(PGPORT=str(free_port()))
    assert code == 1
    assert "PGHOST" in line(told, "FAIL", "postgres")
    line(told, "OK", "topics")

    _, told = examine(PGPASSWORD="wrong")
    assert "password authentication failed" in line(told, "FAIL", "postgres")


def test_a_model_that_is_not_its_manifests_is_named(examine: Examine, tmp_path: Path) -> None:
    """A byte more, and then no manifest at all."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("fraud.onnx", "contract.toml", "risk.json", "manifest.json"):
        shutil.copy(ROOT / "onnx" / name, folder)
    with (folder / "fraud.onnx").open("ab") as file:
        file.write(b"\0")
    assert "is not the model of its manifest" in line(examine(SCORER_MODEL_DIR=str(folder))[1], "FAIL", "model")

    with (folder / "contract.toml").open("a") as file:
        file.write("# changed\n")
    assert "not those" in line(examine(SCORER_MODEL_DIR=str(folder))[1], "FAIL", "contract")

    (folder / "manifest.json").unlink()
    assert "no model manifest" in line(examine(SCORER_MODEL_DIR=str(folder))[1], "FAIL", "model")


def test_topics_that_are_not_as_they_must_be_are_named(examine: Examine, kafka: str, topics: TopicSettings) -> None:
    """Other partitions than set, wrong settings, a history of other partitions, and one missing."""
    admin = AdminClient({"bootstrap.servers": kafka})
    assert "TOPIC_PARTITIONS=9" in line(examine(TOPIC_PARTITIONS="9")[1], "WARN", "topics")

    set_config(kafka, topics.history, "cleanup.policy", "compact,delete")
    wait_for(lambda: f"{topics.history} has cleanup.policy=compact,delete, not compact" in examine()[1], 30)
    set_config(kafka, topics.transactions, "message.timestamp.type", "CreateTime")
    wait_for(lambda: f"not from its arrival: {topics.transactions}; " in examine()[1], 30)
    make_topics(KafkaSettings(bootstrap_servers=kafka), topics)
    wait_for(lambda: "FAIL  topics" not in (told := examine()[1]) and "WARN  topics" not in told, 30)

    admin.delete_topics([topics.history])[topics.history].result()
    wait_for(lambda: f"FAIL  topics       missing: {topics.history}" in examine()[1], 30)

    make_topics(KafkaSettings(bootstrap_servers=kafka), topics.model_copy(update={"partitions": 3}))
    wait_for(lambda: f"{topics.history} 3" in examine()[1], 30)


def test_lag_and_dead_letters_are_counted(
    examine: Examine, kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """Nobody reads; then somebody does, who rejects what cannot be read."""
    produce(kafka, topics.transactions, [b"not json"] * 7)
    assert "7 messages wait" in line(examine()[1], "FAIL", "lag")

    scorer = start("scorer").wait_ready()
    wait_for(lambda: "up to 0" not in examine()[1] and "WARN  dead letters" in examine()[1], 60, scorer.text)
    told = examine("--lag-messages", "0")[1]
    assert "make dlq ARGS=inspect" in line(told, "WARN", "dead letters")
    assert "1 in the group" in line(told, "OK", "lag")


def test_what_is_wrong_in_the_database_is_named(
    examine: Examine, kafka: str, topics: TopicSettings, mart: Connection
) -> None:
    """A migration, a right, the sink's place before and behind the topic, and rejects."""
    last = "(select max(version) from schema_migrations)"
    ((version,),) = mart.execute(f"delete from schema_migrations where version = {last} returning version").fetchall()  # noqa: S608
    try:
        assert f"from {version} on" in line(examine()[1], "FAIL", "schema")
    finally:
        mart.execute("insert into schema_migrations values (%s), ('29990101000000')", [version])
    assert "29990101000000" in line(examine()[1], "WARN", "schema")
    mart.execute("delete from schema_migrations where version = '29990101000000'")

    mart.execute("revoke insert on scores from fraud_sink")
    try:
        assert "fraud_sink may not insert scores" in line(examine()[1], "FAIL", "rights")
    finally:
        mart.execute("grant insert on scores to fraud_sink")

    mart.execute("revoke insert (comment) on verdicts from fraud_ui")
    mart.execute("revoke select on scores_with_models from fraud_ui")
    try:
        lacking = line(examine()[1], "FAIL", "rights")
        assert "fraud_ui may not insert verdicts.comment" in lacking
        assert "fraud_ui may not select scores_with_models" in lacking
    finally:
        mart.execute("grant insert (comment) on verdicts to fraud_ui; grant select on scores_with_models to fraud_ui")

    cluster = AdminClient({"bootstrap.servers": kafka}).list_topics(timeout=10).cluster_id
    mart.execute("insert into sink_offsets values (%s, %s, 0, 1000)", [cluster, topics.scores])
    assert "was recreated" in line(examine()[1], "FAIL", "offsets")
    mart.execute(
        'insert into sink_rejects (topic, partition, "offset", reason, message, cluster_id)'
        " values ('t', 0, 0, 'r', '', 'c')"
    )
    assert "1 records in sink_rejects" in line(examine()[1], "WARN", "rejects")


def test_a_category_that_the_model_does_not_know_is_named(examine: Examine, mart: Connection) -> None:
    """With its first transaction; another spelling of a known one is none."""
    insert = (
        "insert into transactions values (%s, '2020-06-21 22:14', 1, %s, 'fraud_Kilback LLC', 'TX', 'Y', 'Z', 0, 0)"
    )
    mart.execute("insert into scores select id, 0.1, 0, now(), 0, 0 from unnest(array['a', 'b']) as id")
    mart.execute(insert, ["a", "Shopping_Net"])
    assert "knows all 1" in line(examine()[1], "OK", "categories")

    mart.execute(insert, ["b", "space_travel"])
    assert "'space_travel' in 1, first b" in line(examine()[1], "WARN", "categories")


def test_the_rights_that_are_examined_are_those_that_the_migrations_give(mart: Connection) -> None:
    """All of them, and none else; columns where the grant names columns."""
    given = mart.execute(
        "select grantee, table_name, lower(privilege_type), null from information_schema.role_table_grants"
        " where grantee = any(%(roles)s) union"
        " select grantee, table_name, lower(privilege_type), column_name from information_schema.column_privileges c"
        " where grantee = any(%(roles)s) and not exists (select from information_schema.role_table_grants t"
        " where t.grantee = c.grantee and t.table_name = c.table_name and t.privilege_type = c.privilege_type)",
        {"roles": list(RIGHTS)},
    ).fetchall()

    assert set(wanted_rights()) == set(given)


def test_a_wrong_setting_is_told(examine: Examine) -> None:
    """In one line, as the services log it."""
    code, told = examine(TOPIC_MIN_INSYNC_REPLICAS="3")

    assert code == 1
    assert "min_insync_replicas=3 is more than replication_factor=1" in told
