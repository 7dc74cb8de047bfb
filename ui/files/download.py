"""Serves the scores of an uploaded file as CSV, some thousand rows at a time. Knows nothing of the page's layout."""

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
from ui.database import Database
from ui.files import journal
from ui.files.journal import ScoredRow
from ui.shell.excel import BYTE_ORDER_MARK, DIALECTS, ExcelDialect, safe_text, spoken

PATH = "files/uploads/{upload_id:uuid}.csv"
"""Without `language` it is written as in English, such as for a program that has the address from elsewhere."""

COLUMNS = ("transaction_id", "transaction_time", "amount", "cat_id", "merch", "us_state", "score", "fraud_flag")
"""The same in every language: by them the file is known again."""


class DatabaseAway(Exception):
    """The database went away in the middle: the download breaks off rather than end as if it were whole."""


def path_of(upload_id: UUID, language: str) -> str:
    """Return where an upload's scores are, as Excel opens them in a language, relative to the page."""
    return spoken(PATH.replace("{upload_id:uuid}", str(upload_id)), language)


def csv_lines(rows: Iterable[ScoredRow], dialect: ExcelDialect) -> str:
    """Return rows as lines of CSV; what is not known is empty."""
    return dialect.lines(_cells(row, dialect) for row in rows)


def scores_route(mart: Database) -> Route:
    """Return the route of the scores; with a login, only for who is logged in."""

    def send(request: Request) -> Response:
        if not _is_let_in(request):
            return PlainTextResponse("log in first\n", 401)
        upload_id = request.path_params["upload_id"]
        dialect = DIALECTS.get(request.query_params.get("language", ""), DIALECTS["en"])
        try:
            found = mart.ask(lambda connection: (journal.file_name_of(connection, upload_id),))
        except psycopg.Error:
            get_logger().exception("download_failed", upload_id=str(upload_id))
            return PlainTextResponse("the scores cannot be read because of an error, see the page's log\n", 500)
        if found is None:
            return PlainTextResponse("the database is away\n", 503)
        if found[0] is None:
            return PlainTextResponse("no such upload\n", 404)
        name = f"{PurePath(found[0]).stem}.scores.csv"
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingResponse(
            _content(mart, upload_id, dialect), media_type="text/csv; charset=utf-8", headers=headers
        )

    return Route(f"/{PATH}", send, methods=["GET"])


def _content(mart: Database, upload_id: UUID, dialect: ExcelDialect) -> Iterator[str]:
    """Yield the file: the header, then a chunk of rows at a time."""
    yield BYTE_ORDER_MARK + dialect.lines([COLUMNS])
    for chunk in count():
        rows = mart.ask(partial(journal.scored_rows, upload_id=upload_id, chunk=chunk))
        if rows is None:
            raise DatabaseAway
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
    """Return an event time as the files have it: to the minute, unless it has seconds."""
    return "" if moment is None else moment.isoformat(" ", "seconds" if moment.second else "minutes")


def _is_let_in(request: Request) -> bool:
    """Return whether no login is asked for, or the request bears a token that Gradio gave at one."""
    app = request.app
    if app.auth is None and app.auth_dependency is None:
        return True
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return any(app.tokens.get(request.cookies.get(name)) is not None for name in names)
