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

from services.common.contract.model import Contract
from services.common.logs import get_logger
from services.common.spreadsheet import safe_text
from ui.database import Database
from ui.files import journal
from ui.files.journal import ScoredRow
from ui.shell.excel import BYTE_ORDER_MARK, DIALECTS, ExcelDialect, path_in

PATH = "files/uploads/{upload_id:uuid}.csv"
"""Without the parameter `language` it is written as in English."""

SCORE_COLUMNS = ("score", "fraud_flag")
"""The same in every language: the sender recognises a file of scores by them."""


class DatabaseUnavailable(Exception):
    """Raised to break a download off: without it a partial file would look complete."""


def path_of(upload_id: UUID, language: str) -> str:
    """Return the path of an upload's scores for a language, relative to the page."""
    return path_in(PATH.replace("{upload_id:uuid}", str(upload_id)), language)


class ScoresFile:
    """Columns of a file of scores: id, event time and what the roles say, but nothing personal; then the scores."""

    def __init__(self, contract: Contract) -> None:
        record, roles = contract.record, contract.roles
        given = {
            "event_time": record.event_time,
            "amount": roles.amount,
            "category": roles.category,
            "merchant": roles.merchant,
            "state": roles.state,
        }
        fields = {role: field for role, field in given.items() if field and not contract.fields[field].personal}
        self._roles = tuple(fields)
        self.header = (record.id, *fields.values(), *SCORE_COLUMNS)

    def lines(self, rows: Iterable[ScoredRow], dialect: ExcelDialect) -> str:
        """Return rows as lines of CSV; unknown values are empty."""
        return dialect.lines(self._cells(row, dialect) for row in rows)

    def _cells(self, row: ScoredRow, dialect: ExcelDialect) -> tuple[object, ...]:
        return (
            safe_text(row.transaction_id),
            *(_cell(getattr(row, role), dialect) for role in self._roles),
            "" if row.score is None else dialect.number(f"{row.score:.6f}"),
            row.fraud_flag,
        )


def scores_route(mart: Database, contract: Contract) -> Route:
    """Return the route of the scores; if a login is required, only for those logged in."""
    file = ScoresFile(contract)

    def send(request: Request) -> Response:
        if not _is_logged_in(request):
            return PlainTextResponse("log in first\n", 401)
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
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingResponse(
            _content(mart, upload_id, file, dialect), media_type="text/csv; charset=utf-8", headers=headers
        )

    return Route(f"/{PATH}", send, methods=["GET"])


def _content(mart: Database, upload_id: UUID, file: ScoresFile, dialect: ExcelDialect) -> Iterator[str]:
    """Yield the file: the header, then chunk by chunk."""
    yield BYTE_ORDER_MARK + dialect.lines([file.header])
    for chunk in count():
        rows = mart.ask(partial(journal.scored_rows, upload_id=upload_id, chunk=chunk))
        if rows is None:
            raise DatabaseUnavailable
        if not rows:
            return
        yield file.lines(rows, dialect)


def _cell(value: datetime | float | str | None, dialect: ExcelDialect) -> str:
    if isinstance(value, datetime):
        return _time(value)
    return dialect.number(str(value)) if isinstance(value, float) else safe_text(value)


def _time(moment: datetime) -> str:
    """Return an event time in the format of the files: to the minute, unless it has seconds."""
    return moment.isoformat(" ", "seconds" if moment.second else "minutes")


def _is_logged_in(request: Request) -> bool:
    """Return whether no login is required or the request has a valid token of Gradio's."""
    app = request.app
    if app.auth is None and app.auth_dependency is None:
        return True
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return any(app.tokens.get(request.cookies.get(name)) is not None for name in names)
