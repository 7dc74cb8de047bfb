"""The journal of uploads in PostgreSQL: tables `uploads` and `upload_rows`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, kwargs_row, scalar_row

from ui.database import Connection, Database
from ui.watch import Watch

SHOWN = 50
RETAINED = 200
"""Uploads in the journal; older ones are deleted with their ids, about 40 MB a million rows."""

CHUNK = 5_000
"""Ids stored, counted and read at once: about 20 ms in a mart of ten million rows."""

COUNTED_AT_ONCE = 20
OPEN_FOR = timedelta(hours=24)
"""How long the missing scores of an upload are counted."""

SILENT_AFTER = timedelta(minutes=2)
"""A page that reads or sends updates the journal every few seconds: after this silence it has ended."""


class UploadState(StrEnum):
    """State of an upload; the last five ended without Kafka having all of its rows."""

    READING = "reading"
    SENDING = "sending"
    SENT = "sent"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    REFUSED = "refused"
    KAFKA_UNAVAILABLE = "kafka_away"
    KAFKA_REJECTS = "kafka_refuses"


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload. `rows` and `refused` are None until the file is read; `refusal` is the code of a rejected file.

    `scored` is None if it is unknown: the database was unavailable while the file was sent. A `state` that is no
    UploadState was written by another version.
    """

    upload_id: UUID
    file_name: str
    bytes: int
    analyst: str
    state: UploadState | str
    refusal: str | None
    rows: int | None
    refused: int | None
    sent: int
    scored: int | None
    started_at: datetime


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A row of a file with its score; None for what has not arrived."""

    transaction_id: str
    event_time: datetime | None
    amount: float | None
    category: str | None
    merchant: str | None
    state: str | None
    score: float | None
    fraud_flag: int | None


def begin(connection: Connection, upload_id: UUID, file_name: str, size: int, analyst: str) -> None:
    """Insert an upload and delete the oldest beyond RETAINED."""
    with connection.transaction():
        connection.execute(
            "insert into uploads (upload_id, file_name, bytes, analyst) values (%s, %s, %s, %s)",
            [upload_id, file_name[:255] or "?", size, analyst],
        )
        connection.execute(
            "delete from uploads where upload_id in (select upload_id from uploads order by started_at desc offset %s)",
            [RETAINED],
        )


def update(
    connection: Connection,
    upload_id: UUID,
    state: UploadState,
    *,
    rows: int | None = None,
    refused: int | None = None,
    sent: int | None = None,
    refusal: str | None = None,
) -> None:
    """Update the state of an upload; a figure that is not given stays as it was."""
    query = """
        update uploads set touched_at = now(), state = %(state)s, rows = coalesce(%(rows)s, rows),
               refused = coalesce(%(refused)s, refused), sent = coalesce(%(sent)s, sent),
               refusal = coalesce(%(refusal)s, refusal)
        where upload_id = %(upload_id)s
    """
    figures = {"rows": rows, "refused": refused, "sent": sent, "refusal": refusal}
    connection.execute(query, {"upload_id": upload_id, "state": state.value, **figures})


def add_rows(connection: Connection, upload_id: UUID, chunk: int, ids: Sequence[str]) -> None:
    """Store the ids of rows that were given to Kafka, in the order of sending."""
    with connection.transaction():
        connection.execute(
            "insert into upload_rows (upload_id, chunk, ids) values (%s, %s, %b)", [upload_id, chunk, list(ids)]
        )
        connection.execute("update uploads set touched_at = now() where upload_id = %s", [upload_id])


def latest(connection: Connection, limit: int = SHOWN) -> list[Upload]:
    """Return the latest uploads, the latest first; one whose page has fallen silent is reported as interrupted."""
    query = """
        select upload_id, file_name, bytes, analyst, refusal, rows, refused, sent, started_at,
               case when state in ('reading', 'sending')
                         or sent <= (select coalesce(sum(size), 0) from upload_rows r where r.upload_id = u.upload_id)
                    then scored end as scored,
               case when state in ('reading', 'sending') and touched_at < now() - %s then 'interrupted'
                    else state end as state
        from uploads u order by started_at desc limit %s
    """
    with connection.cursor(row_factory=kwargs_row(_upload)) as cursor:
        return cursor.execute(query, [SILENT_AFTER, limit]).fetchall()


def _upload(*, state: str, **columns: Any) -> Upload:
    return Upload(state=UploadState(state) if state in set(UploadState) else state, **columns)


def count_open(connection: Connection) -> None:
    """Count the scores of every upload that still lacks some."""
    query = "select upload_id from uploads where scored < sent and started_at > now() - %s order by started_at desc"
    with connection.cursor(row_factory=scalar_row) as cursor:
        for upload_id in cursor.execute(query, [OPEN_FOR]).fetchall():
            count_scored(connection, upload_id)


def count_scored(connection: Connection, upload_id: UUID) -> None:
    """Count the scores of an upload's rows, a limited number of chunks at a time.

    1. Chunks of which some rows are scored, the least recently counted first: a row that never gets a score must not
       block the others.
    2. Unscored chunks after the last one that has scores, in the order of sending, up to the first that still has none:
       scores arrive in about that order, so the cost depends on what is new, not on the size of the file.
    3. The least recently counted of the other unscored chunks: rejects, which never get a score, may fill whole chunks.
    """
    begun = """
        select chunk from upload_rows where upload_id = %s and scored > 0 and scored < size
        order by counted_at limit %s
    """
    ahead = """
        select chunk from upload_rows where upload_id = %(id)s and scored = 0 and chunk >
            (select coalesce(max(chunk), -1) from upload_rows where upload_id = %(id)s and scored > 0)
        order by chunk limit %(most)s
    """
    longest_ago = "select chunk from upload_rows where upload_id = %s and scored = 0 order by counted_at, chunk limit 1"
    with connection.cursor(row_factory=scalar_row) as cursor:
        for chunk in cursor.execute(begun, [upload_id, COUNTED_AT_ONCE]).fetchall():
            _count_chunk(connection, upload_id, chunk)
        for chunk in cursor.execute(ahead, {"id": upload_id, "most": COUNTED_AT_ONCE}).fetchall():
            if not _count_chunk(connection, upload_id, chunk):
                break
        for chunk in cursor.execute(longest_ago, [upload_id]).fetchall():
            _count_chunk(connection, upload_id, chunk)
    connection.execute(
        "update uploads set scored = least(sent, total.scored)"
        " from (select coalesce(sum(scored), 0) as scored from upload_rows where upload_id = %(id)s) as total"
        " where upload_id = %(id)s and uploads.scored is distinct from least(sent, total.scored)",
        {"id": upload_id},
    )


def _count_chunk(connection: Connection, upload_id: UUID, chunk: int) -> int:
    """Count the rows of a chunk that have a score, store the number and return it."""
    query = """
        with counted as (
            select count(*) as scored
            from unnest((select ids from upload_rows where upload_id = %(upload_id)s and chunk = %(chunk)s)) as sent(id)
            where exists (select from scores where transaction_id = sent.id)
        )
        update upload_rows set scored = counted.scored, counted_at = now() from counted
        where upload_id = %(upload_id)s and chunk = %(chunk)s
        returning counted.scored
    """
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(query, {"upload_id": upload_id, "chunk": chunk}).fetchone() or 0


def file_name_of(connection: Connection, upload_id: UUID) -> str | None:
    """Return the file name of an upload, None if there is no such upload."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute("select file_name from uploads where upload_id = %s", [upload_id]).fetchone()


def scored_rows(connection: Connection, upload_id: UUID, chunk: int) -> list[ScoredRow]:
    """Return a chunk of an upload's rows in the order of sending; empty after the last."""
    query = """
        select sent.id as transaction_id, t.event_time, t.amount, t.category, t.merchant, t.state, s.score, s.fraud_flag
        from upload_rows u cross join unnest(u.ids) with ordinality as sent(id, place)
        left join scores s on s.transaction_id = sent.id
        left join transactions t on t.transaction_id = sent.id
        where u.upload_id = %s and u.chunk = %s order by sent.place
    """
    with connection.cursor(row_factory=class_row(ScoredRow)) as cursor:
        return cursor.execute(query, [upload_id, chunk]).fetchall()


EVERY_SECONDS = 1.0
REST_SECONDS = 15.0
"""Between two readings while nobody looks: scores are counted all the same, for after OPEN_FOR they no longer are."""


def watch_uploads(mart: Database) -> Watch[list[Upload]]:
    """Return the watch that counts the scores of uploads and reads their list, not started."""
    return Watch(lambda: mart.ask(read), EVERY_SECONDS, "watch-uploads", rest_seconds=REST_SECONDS)


def read(connection: Connection) -> list[Upload]:
    """Count missing scores, then return the latest uploads, the latest first."""
    count_open(connection)
    return latest(connection)
