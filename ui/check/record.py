"""What of an upload goes into the journal while it runs. Without the database the upload goes on."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self
from uuid import UUID

import orjson
import psycopg

from services.common.logs import get_logger
from services.sender.report import FileReport
from ui import metrics
from ui.database import Connection, Database
from ui.files import journal
from ui.files.journal import CHUNK, UploadState

_BEFORE_ID = b'{"transaction_id":"'
_AFTER_ID = b'","data":'

Message = tuple[bytes | None, bytes]


class Record:
    """An upload in the journal; once the database was away, ids are kept no more, so that none are between others."""

    def __init__(self, mart: Database, upload_id: UUID) -> None:
        self._mart = mart
        self._id = upload_id
        self._is_kept = True
        self._sent = 0
        self._ended = False

    @classmethod
    def begin(cls, mart: Database, upload_id: UUID, path: Path, analyst: str) -> Self:
        """Enter the upload of a file."""
        record = cls(mart, upload_id)
        size = path.stat().st_size if path.exists() else 0
        record._enter(lambda connection: journal.begin(connection, record._id, path.name, size, analyst))
        return record

    @property
    def upload_id(self) -> UUID | None:
        """The id in the journal, or None if something of the upload is missing there."""
        return self._id if self._is_kept else None

    def read(self, report: FileReport) -> None:
        """The file is read."""
        rows, refused = report.rows, report.refused_total
        self._enter(
            lambda connection: journal.note(connection, self._id, UploadState.SENDING, rows=rows, refused=refused)
        )

    def sent(self, sent: int) -> None:
        """Kafka has acknowledged so many rows."""
        self._sent = sent

    def end(self, state: UploadState, *, refusal: str | None = None) -> None:
        """The upload has ended."""
        self._ended = True
        metrics.UPLOADS.labels(state.value).inc()
        self._enter(lambda connection: journal.note(connection, self._id, state, sent=self._sent, refusal=refusal))

    def abandon(self) -> None:
        """Whoever sent has left, or something broke: enter it as interrupted, unless its end is known."""
        if not self._ended:
            self.end(UploadState.INTERRUPTED)

    @contextmanager
    def keeping(self, messages: Iterable[Message]) -> Iterator[Iterator[Message]]:
        """Give the messages on, keeping the ids of those that are taken, some thousands at a time."""
        with closing(self._kept(messages)) as kept:
            yield kept

    def _kept(self, messages: Iterable[Message]) -> Generator[Message]:
        ids: list[str] = []
        chunk = 0
        try:
            for message in messages:
                ids.append(id_of(message[1]))
                yield message
                if len(ids) == CHUNK:
                    self._add_rows(chunk, ids)
                    ids, chunk = [], chunk + 1
        finally:
            if ids:
                self._add_rows(chunk, ids)

    def _add_rows(self, chunk: int, ids: list[str]) -> None:
        if self._is_kept:
            self._enter(lambda connection: journal.add_rows(connection, self._id, chunk, ids))

    def _enter(self, write: Callable[[Connection], None]) -> None:
        def entered(connection: Connection) -> bool:
            write(connection)
            return True

        try:
            answered = self._mart.ask(entered) is not None
        except psycopg.Error:  # the file is sent all the same
            get_logger().exception("journal_failed", upload_id=str(self._id))
            answered = False
        else:
            if not answered:
                get_logger().warning("journal_unavailable", upload_id=str(self._id))
        self._is_kept &= answered


def id_of(value: bytes) -> str:
    """Return the transaction id in a message of the sender's, without reading the rest of it."""
    end = value.index(_AFTER_ID, len(_BEFORE_ID))
    found = value[len(_BEFORE_ID) : end]
    return str(orjson.loads(b'"' + found + b'"')) if b"\\" in found else found.decode()
