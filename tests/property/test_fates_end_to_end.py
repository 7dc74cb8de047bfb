"""Bad messages through the real scorer, sink, Kafka and PostgreSQL: each one is found again, once."""

from collections import Counter
from random import Random
from typing import Any

import orjson
import psycopg

from conftest import Start
from services.common.contract.ids import record_id
from services.common.errors import Reject
from services.common.reading.stored import decode_transaction
from services.common.settings import TopicSettings
from tests.fuzz.messages import SEPARATOR, batch
from tests.fuzz.product import decoders
from tests.support.contracts import cards
from tests.support.messages import nested
from tests.support.topics import headers, produce, read_all

Connection = psycopg.Connection[tuple[Any, ...]]

MESSAGES = 3_000
NO_LIMITS = {f"{service}_REJECT_LIMIT_{kind}": "0" for service in ("SCORER", "SINK") for kind in ("SHARE", "IN_A_ROW")}
"""So many rejects are meant here."""


def test_every_message_is_found_in_the_scores_or_in_the_dead_letters(
    kafka: str, topics: TopicSettings, start: Start, mart: Connection
) -> None:
    """Once in one of them, as decoding alone says; and the database takes all that is scored, and refuses nothing."""
    produce(kafka, topics.transactions, bad_messages(), key=None)
    sent = read_all(kafka, topics.transactions)
    ids = [record_id(topics.transactions, message.partition() or 0, message.offset() or 0) for message in sent]
    columns, rejects = decoders()[1].decode([message.value() for message in sent], lambda row: ids[row])

    assert start("scorer", "--until-empty", **NO_LIMITS).finish() == 0

    scores = [orjson.loads(message.value() or b"")["transaction_id"] for message in read_all(kafka, topics.scores)]
    assert Counter(scores) == Counter(columns.ids)
    errors = [headers(message) for message in read_all(kafka, topics.dead_letters)]
    found = {tuple(int(error[f"__fraud.errors.{name}"]) for name in ("partition", "offset")): error for error in errors}
    places = {(sent[row].partition(), sent[row].offset()): reject for row, reject in rejects.items()}
    assert len(found) == len(errors)
    assert {place: error["__fraud.errors.reason"] for place, error in found.items()} == {
        place: reject.reason.value for place, reject in places.items()
    }
    assert len(scores) + len(errors) == len(sent) == MESSAGES

    assert start("sink", "--until-empty", **NO_LIMITS).finish() == 0

    assert ids_of(mart, "scores") == set(columns.ids)
    assert ids_of(mart, "transactions") == {
        kept for message in sent if (kept := kept_id(message.value(), topics.transactions, message)) is not None
    }
    assert ids_of(mart, "scores") <= ids_of(mart, "transactions")
    assert mart.execute("select count(*) from sink_rejects where topic = %s", [topics.scores]).fetchone() == (0,)


def bad_messages() -> list[bytes | None]:
    """Return messages of every kind, among them names too long for an index of the database."""
    random = Random(11)
    long = [nested(f"long-{size}", street=random.randbytes(size).hex()) for size in (200, 1_300, 100_000)]
    made = [value or None for _ in range(200) for value in batch(random).split(SEPARATOR)]
    return [*long, *made][:MESSAGES]


def kept_id(value: bytes | None, topic: str, message: Any) -> str | None:
    try:
        return decode_transaction(value, topic, message.partition(), message.offset(), cards())[0]
    except Reject:
        return None


def ids_of(mart: Connection, table: str) -> set[str]:
    return {row[0] for row in mart.execute(f"select transaction_id from {table}")}  # noqa: S608
