"""Serves the scores of an uploaded file as CSV, a chunk of rows at a time."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import PurePath
from urllib.parse import quote
from uuid import UUID

import psycopg
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from services.common.logs import get_logger
from services.common.spreadsheet import safe_text
from ui.database import Database
from ui.files import journal
from ui.files.journal import ScoredRow
from ui.shell.excel import BYTE_ORDER_MARK, DIALECTS, ExcelDialect, path_in

PATH = "files/uploads/{upload_id:uuid}.csv"
"""Without the parameter `language` it is written as in English."""

COLUMNS = ("transaction_id", "transaction_time", "amount", "cat_id", "merch", "us_state", "score", "fraud_flag")
"""The same in every language: the sender recognises a file of scores by them."""


class DatabaseUnavailable(Exception):
    """Raised to break a download off: without it a partial file would look complete."""


def path_of(upload_id: UUID, language: str) -> str:
    """Return the path of an upload's scores for a language, relative to the page."""
    return path_in(PATH.replace("{upload_id:uuid}", str(upload_id)), language)


def csv_lines(rows: Iterable[ScoredRow], dialect: ExcelDialect) -> str:
    """Return rows as lines of CSV; unknown values are empty."""
    return dialect.lines(_cells(row, dialect) for row in rows)


def scores_route(mart: Database) -> Route:
    """Return the route of the scores."""

    def send(request: Request) -> Response:
        upload_id = request.path_params["upload_id"]
        dialect = DIALECTS.get(request.query_params.get("language", ""), DIALECTS["en"])
        try:
            found = mart.ask(lambda connection: (journal.file_name_of(connection, upload_id),))
        except psycopg.Error:
            get_logger().exception("download_failed", upload_id=str(upload_id))
            return PlainTextResponse("the scores cannot be read: see the page's log\n", 500)
        if found is None:
            return PlainTextResponse("the database is unavailable\n", 503)
        if found[0] is None:
            return PlainTextResponse("no such upload\n", 404)
        name = f"{PurePath(found[0]).stem}.scores.csv"
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "Cache-Control": "no-store",
        }
        return StreamingResponse(
            _content(mart, upload_id, dialect), media_type="text/csv; charset=utf-8", headers=headers
        )

    return Route(f"/{PATH}", send, methods=["GET"])


def _content(mart: Database, upload_id: UUID, dialect: ExcelDialect) -> Iterator[str]:
    """Yield the file: the header, then chunk by chunk."""
    yield BYTE_ORDER_MARK + dialect.lines([COLUMNS])
    for chunk in count():
        rows = mart.ask(partial(journal.scored_rows, upload_id=upload_id, chunk=chunk))
        if rows is None:
            raise DatabaseUnavailable
        if not rows:
            return
        yield csv_lines(rows, dialect)


def _cells(row: ScoredRow, dialect: ExcelDialect) -> tuple[object, ...]:
    return (
        safe_text(row.transaction_id),
        _time(row.event_time),
        "" if row.amount is None else dialect.number(str(row.amount)),
        safe_text(row.category),
        safe_text(row.merchant),
        safe_text(row.state),
        "" if row.score is None else dialect.number(f"{row.score:.6f}"),
        row.fraud_flag,
    )


def _time(moment: datetime | None) -> str:
    """Return an event time in the format of the files: to the minute, unless it has seconds."""
    return "" if moment is None else moment.isoformat(" ", "seconds" if moment.second else "minutes")
