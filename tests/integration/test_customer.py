"""One customer, erased from history, tables and seen in what stays: by the command, on real servers."""

import csv
import io
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from conftest import Start
from services.common.settings import TopicSettings
from tests.support.messages import nested
from tests.support.models import write_probe
from tests.support.topics import CUSTOMER, produce, read_all

Connection = psycopg.Connection[tuple[Any, ...]]

ADA = (CUSTOMER or b"").decode()
EVE = "Eve|Example|1 Test Lane"
SHORT = {"SCORER_SESSION_TIMEOUT_MS": "6000"}


@pytest.fixture
def paid(kafka: str, topics: TopicSettings, start: Start, mart: Connection, tmp_path: Path) -> dict[str, str]:
    """Ada and Eve have paid ten times each and were scored and kept; Ada also left a dead letter and a reject."""
    settings = SHORT | {"SCORER_MODEL_DIR": str(write_probe(tmp_path / "probe"))}
    times = [f"2019-09-14 0{hour}:00" for hour in range(10)]
    for name, key in (("Ada", ADA), ("Eve", EVE)):
        of_name = [
            nested(f"{name.lower()}-{hour}", name_1=name, transaction_time=time) for hour, time in enumerate(times)
        ]
        produce(kafka, topics.transactions, of_name, key.encode())
    produce(kafka, topics.transactions, [nested("ada-bad", amount="much")], ADA.encode())
    assert start("scorer", "--until-empty", **settings).finish() == 0
    produce(kafka, topics.scores, [b'{"transaction_id": "ada-3", "score": 7, "fraud_flag": 0}'], b"ada-3")
    assert start("sink", "--until-empty").finish() == 0
    mart.execute("truncate alerts")  # what the probe flagged is no part of this
    mart.execute(
        "insert into alerts values ('ada-1', '[]', '1', 0.5, now(), 0, 0), ('eve-1', '[]', '1', 0.5, now(), 0, 0)"
    )
    mart.execute(
        "insert into verdicts (transaction_id, ordinal, verdict, analyst, score, fraud_flag)"
        " values ('ada-1', 1, 'fraud', 'kim', 0.5, 1), ('eve-1', 1, 'fraud', 'kim', 0.5, 1)"
    )
    return settings


def counts(mart: Connection) -> dict[str, int]:
    found = {}
    for table in ("transactions", "scores", "alerts", "verdicts", "sink_rejects"):
        ((found[table],),) = mart.execute(f"select count(*) from {table}").fetchall()  # noqa: S608
    return found


def last_scores(kafka: str, topics: TopicSettings) -> dict[str, float]:
    bodies = [orjson.loads(message.value() or b"") for message in read_all(kafka, topics.scores)]
    return {body["transaction_id"]: body["score"] for body in bodies}


def run(start: Start, topics: TopicSettings, owner: dict[str, str], *arguments: str, exit_code: int = 0) -> str:
    env = owner | SHORT | {"SCORER_GROUP_ID": f"scorer-{topics.transactions}"}
    command = start("customer", *arguments, **env)
    assert command.finish() == exit_code, command.text()
    return command.text()


def test_the_customer_is_gone_and_nobody_else(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection, owner: dict[str, str], paid: dict[str, str]
) -> None:
    """No row of hers is left; a new scorer scores her next transaction as a stranger's, but Eve's with Eve's past."""
    before = counts(mart)
    assert before == {"transactions": 21, "scores": 20, "alerts": 2, "verdicts": 2, "sink_rejects": 1}

    dry = run(start, topics, owner, "erase", ADA)
    assert "11 rows of transactions would be erased" in dry
    assert "10 transactions of" in dry
    assert "dry run: nothing was changed" in dry
    assert counts(mart) == before

    told = run(start, topics, owner, "erase", ADA, "--go")
    assert f"{topics.dead_letters}/" in told.split("1 dead letters stay")[1].splitlines()[1]
    assert f"{topics.transactions} keeps records for 7 days" in told
    assert counts(mart) == {"transactions": 10, "scores": 10, "alerts": 1, "verdicts": 1, "sink_rejects": 0}
    assert mart.execute("select count(*) from scored_transactions where customer = %s", [EVE]).fetchone() == (10,)

    later = {"transaction_time": "2019-09-14 12:00"}
    produce(kafka, topics.transactions, [nested("ada-new", **later)], ADA.encode())
    produce(kafka, topics.transactions, [nested("eve-new", name_1="Eve", **later)], EVE.encode())
    produce(kafka, topics.transactions, [nested("zoe-new", name_1="Zoe", **later)], b"Zoe|Example|1 Test Lane")
    assert start("scorer", "--until-empty", **paid).finish() == 0
    scores = last_scores(kafka, topics)
    assert scores["ada-new"] == scores["zoe-new"]
    assert scores["eve-new"] != scores["zoe-new"]
    assert "0 transactions of" in run(start, topics, owner, "erase", EVE.replace("Eve", "Nobody"))


@pytest.mark.slow
def test_a_running_scorer_stops_the_erasure(
    topics: TopicSettings, start: Start, mart: Connection, owner: dict[str, str], paid: dict[str, str]
) -> None:
    """It would write from its memory what was erased; nothing is erased by halves."""
    before = counts(mart)
    scorer = start("scorer", **paid).wait_ready()

    told = run(start, topics, owner, "erase", ADA, "--go", exit_code=1)

    assert "1 scorers are still in the group" in told
    assert counts(mart) == before
    assert scorer.terminate() == 0


def test_everything_that_is_kept_is_shown(
    topics: TopicSettings, start: Start, mart: Connection, owner: dict[str, str], paid: dict[str, str]
) -> None:
    """As JSON, every table, the history and the dead letters; as CSV, transactions with their scores."""
    mart.execute("update transactions set merchant = '=1+1' where transaction_id = 'ada-0'")
    found = orjson.loads(run(start, topics, owner, "export", ADA))
    assert {table: len(rows) for table, rows in found["tables"].items() if rows} == {
        "transactions": 11, "scores": 10, "alerts": 1, "verdicts": 1, "sink_rejects": 1,
    }  # fmt: skip
    assert {row["transaction_id"] for row in found["tables"]["scores"]} == {f"ada-{hour}" for hour in range(10)}
    assert [transaction["event_time"] for transaction in found["history"]["transactions"]] == [
        f"2019-09-14 0{hour}:00:00" for hour in range(10)
    ]
    assert found["dead_letters"][0]["reason"] == "bad_type"
    assert "Eve" not in str(found)

    rows = list(csv.DictReader(io.StringIO(run(start, topics, owner, "export", ADA, "--csv"))))
    assert len(rows) == 11
    assert rows[0]["merchant"] == "'=1+1"
    assert float(rows[0]["score"]) > 0
