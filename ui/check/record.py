"""Writes an upload into the journal while it runs; the upload goes on if the database is unavailable."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self
from uuid import UUID

import psycopg

from services.common.logs import get_logger
from services.sender.report import FileReport
from ui import metrics
from ui.database import Connection, Database
from ui.files import journal
from ui.files.journal import CHUNK, UploadState

Message = tuple[bytes | None, bytes]


class Record:
    """An upload in the journal; after an outage no more ids are stored, so that the stored ones have no gap."""

    def __init__(self, mart: Database, upload_id: UUID) -> None:
        self._mart = mart
        self._id = upload_id
        self._is_complete = True
        self._sent = 0
        self._ended = False

    @classmethod
    def begin(cls, mart: Database, upload_id: UUID, path: Path, analyst: str) -> Self:
        """Insert the upload of a file."""
        record = cls(mart, upload_id)
        size = path.stat().st_size if path.exists() else 0
        record._write(lambda connection: journal.begin(connection, record._id, path.name, size, analyst))
        return record

    @property
    def upload_id(self) -> UUID | None:
        """The id in the journal; None if part of the upload is missing there."""
        return self._id if self._is_complete else None

    def read(self, report: FileReport) -> None:
        """Record that the file has been read."""
        rows, refused = report.rows, report.refused_total
        self._write(
            lambda connection: journal.update(connection, self._id, UploadState.SENDING, rows=rows, refused=refused)
        )

    def sent(self, sent: int) -> None:
        """Record how many rows Kafka has acknowledged; written at the end."""
        self._sent = sent

    def end(self, state: UploadState, *, refusal: str | None = None) -> None:
        """Record how the upload ended."""
        self._ended = True
        metrics.UPLOADS.labels(state.value).inc()
        self._write(lambda connection: journal.update(connection, self._id, state, sent=self._sent, refusal=refusal))

    def abandon(self) -> None:
        """Record the upload as interrupted unless it has ended."""
        if not self._ended:
            self.end(UploadState.INTERRUPTED)

    @contextmanager
    def storing_ids(self, messages: Iterable[Message], id_of: Callable[[bytes], str]) -> Iterator[Iterator[Message]]:
        """Pass the messages on and store the ids of those that were taken, CHUNK at a time."""
        with closing(self._passed_on(messages, id_of)) as passed_on:
            yield passed_on

    def _passed_on(self, messages: Iterable[Message], id_of: Callable[[bytes], str]) -> Generator[Message]:
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
        if self._is_complete:
            self._write(lambda connection: journal.add_rows(connection, self._id, chunk, ids))

    def _write(self, statement: Callable[[Connection], None]) -> None:
        def written(connection: Connection) -> bool:
            statement(connection)
            return True

        try:
            answered = self._mart.ask(written) is not None
        except psycopg.Error:  # the file is sent nevertheless
            get_logger().exception("journal_failed", upload_id=str(self._id))
            answered = False
        else:
            if not answered:
                get_logger().warning("journal_unavailable", upload_id=str(self._id))
        self._is_complete &= answered
