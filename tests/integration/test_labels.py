"""Verdicts become training data: real Kafka, real PostgreSQL, the command as a process."""

import importlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import psycopg
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from conftest import ROOT, Start, kafka_env
from services.common.contract.load import to_contract
from services.common.kafka.offsets import answer_of
from services.common.reading.stored import decode_transaction
from services.common.settings import TopicSettings
from services.scorer.decode import Decoder
from services.tools.labels.__main__ import write_private
from services.tools.labels.collect import Collection
from services.tools.labels.judged import JudgedTransaction
from tests.support.contracts import cards
from tests.support.messages import TRANSACTION, flat, nested
from tests.support.processes import ServiceProcess
from tests.support.topics import produce

Connection = psycopg.Connection[Any]


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """onnx/dataset.py."""
    monkeypatch.syspath_prepend(str(ROOT / "onnx"))
    return importlib.import_module("dataset")


def judge(mart: Connection, transaction_id: str, *verdicts: str) -> None:
    for ordinal, verdict in enumerate(verdicts, start=1):
        mart.execute(
            "insert into verdicts (transaction_id, ordinal, verdict, analyst, score, fraud_flag)"
            " values (%s, %s, %s, 'Ada', 0.5, 1)",
            (transaction_id, ordinal, verdict),
        )


def said(command: ServiceProcess, code: int = 0) -> str:
    assert command.finish() == code, command.text()
    return command.text()


def test_judged_transactions_are_exported_and_read_by_training(
    kafka: str,
    topics: TopicSettings,
    start: Start,
    mart: Connection,
    owner: dict[str, str],
    dataset: ModuleType,
    tmp_path: Path,
) -> None:
    """The last verdict of each counts; the file has what was sent, and whose it was only if asked for."""
    sent = [nested("a", amount=1.5), b"{", flat("b", amount=2, gender=None), nested("c"), nested("d"), nested("e")]
    produce(kafka, topics.transactions, sent)
    assert start("sink", "--until-empty").finish() == 0
    judge(mart, "a", "false_alarm", "fraud")
    judge(mart, "b", "fraud", "returned", "false_alarm")
    judge(mart, "c", "fraud", "returned")
    judge(mart, "gone", "fraud")
    path = tmp_path / "labels.csv"

    told = said(start("labels", str(path), **owner))
    assert "2 labels: 1 frauds, 1 false alarms" in told
    assert "1 skipped: no longer in the table transactions" in told
    assert "personal fields (name_1, name_2, street) are blank; --personal writes them" in told
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    frame = dataset.read_transactions(path, cards())
    assert [*frame.columns] == [*cards().fields, "target"]
    assert frame[["amount", "target"]].to_numpy().tolist() == [[1.5, 1], [2, 0]]
    assert frame[["name_1", "name_2", "street"]].isna().all(axis=None)
    assert dataset.label(frame, cards()).customers.tolist() == [0, 0]

    before = path.read_bytes()
    command, env = [sys.executable, "-m", "services.tools.labels"], os.environ | kafka_env(kafka, topics) | owner
    assert subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=True).stdout == before
    assert "is there already" in said(start("labels", str(path), "--personal", **owner), code=1)
    assert path.read_bytes() == before
    told = said(start("labels", str(path), "--personal", "--replace", **owner))
    assert "personal fields (name_1, name_2, street) are written" in told
    frame = dataset.read_transactions(path, cards())
    rows = json.loads(frame.to_json(orient="records"))
    assert rows == [
        TRANSACTION | {"amount": 1.5, "target": 1},
        TRANSACTION | {"amount": 2, "gender": None, "target": 0},
    ]
    assert dataset.label(frame, cards()).customers.all()


@pytest.mark.slow
def test_what_is_missing_is_counted(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection, owner: dict[str, str], tmp_path: Path
) -> None:
    """The beginning of a partition is gone, and in the place of a judged transaction is another message."""
    produce(kafka, topics.transactions, [nested(name) for name in "abcd"])
    assert start("sink", "--until-empty").finish() == 0
    for name in "abc":
        judge(mart, name, "fraud")
    [(partition,)] = mart.execute("select distinct src_partition from transactions").fetchall()
    mart.execute("update transactions set src_offset = 3 where transaction_id = 'b'")
    admin = AdminClient({"bootstrap.servers": kafka})
    deleted = admin.delete_records([TopicPartition(topics.transactions, partition, 1)])
    answer_of(next(iter(deleted.values())))
    path = tmp_path / "labels.csv"

    told = said(start("labels", str(path), **owner))
    assert "1 labels: 1 frauds, 0 false alarms" in told
    assert f"1 skipped: no longer in the topic {topics.transactions}" in told
    assert "1 skipped: another message is in its place" in told
    assert len(path.read_text().splitlines()) == 2

    mart.execute("update transactions set src_offset = 99 where transaction_id = 'c'")
    told = said(start("labels", str(path), "--replace", **owner), code=1)
    assert f"2 skipped: no longer in the topic {topics.transactions}" in told
    assert "labels: nothing to write" in told
    assert len(path.read_text().splitlines()) == 2


LOANS = {
    "format": 1,
    "name": "loans",
    "record": {"id": "loan", "payload": "body", "event_time": "at", "key": ("who",)},
    "fields": {
        "at": {"type": "time", "unit": "ms", "required": True},
        "seen_at": {"type": "time", "unit": "s"},
        "who": {"type": "name", "personal": True},
        "sum": "number",
        "town": "text",
    },
    "features": {
        "sum": "sum",
        "age": {"seconds_between": ["seen_at", "at"]},
        "town": {"length": "town"},
        "count": {"count": True},
    },
}
"""Times in numbers, and a name in which Null is a person."""


def test_training_sees_what_the_scorer_saw(dataset: ModuleType, tmp_path: Path) -> None:
    """Whatever the spelling of a message, a row of the file is decoded to the same values."""
    contract = to_contract(LOANS)
    bodies: list[dict[str, Any]] = [
        {"at": 1_568_429_160_123, "seen_at": 1_568_429_100.5, "who": "Null", "sum": 0.1 + 0.2, "town": "007"},
        {"at": "1568429161000", "seen_at": None, "who": "N/A", "sum": "1.234,5", "town": '=1,"2"\r\n3\r'},
        {"at": 1_568_429_162_000, "seen_at": "", "who": " ", "sum": -1e300, "town": " nan "},
        {"at": 1_568_429_163_000, "who": "Ñandú\u2028", "sum": float("nan"), "town": "null", "more": [1]},
    ]
    values = [json.dumps({"loan": str(n), "body": body}).encode() for n, body in enumerate(bodies)]
    judged = [
        JudgedTransaction(n % 2 == 0, decode_transaction(value, "t", 0, n, contract)) for n, value in enumerate(values)
    ]
    found = Collection(judged, "t", contract, with_personal=True)
    for n, value in enumerate(values):
        found.see((0, n), value)
    write_private(tmp_path / "labels.csv", [found.header, *found.rows.values()])

    read = dataset.label(dataset.read_transactions(tmp_path / "labels.csv", contract), contract)
    decoded, rejects = Decoder(contract, contract.fields).decode(values, str)
    assert (found.left_out, rejects) == ({}, {})
    assert read.frauds.tolist() == [True, False, True, False]
    assert read.columns.seconds.tolist() == decoded.seconds.tolist()
    assert read.columns.texts == decoded.texts
    for field, numbers in read.columns.numbers.items():
        np.testing.assert_array_equal(numbers, decoded.numbers[field], err_msg=field)
