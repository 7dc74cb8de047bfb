"""Serves the scores of an uploaded file as CSV, some thousand rows at a time. Knows nothing of the page's layout."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import PurePath
from urllib.parse import quote
from uuid import UUID

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ui import journal
from ui.journal import ScoredRow
from ui.results import Mart

PATH = "files/uploads/{upload_id:uuid}.csv"
COLUMNS = ("transaction_id", "transaction_time", "amount", "cat_id", "merch", "us_state", "score", "fraud_flag")

_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Spreadsheets take a cell that begins so for a formula (OWASP, CSV Injection), the wide forms too."""


class DatabaseAway(Exception):
    """The database went away in the middle: the download breaks off rather than end as if it were whole."""


def path_of(upload_id: UUID) -> str:
    """Return where an upload's scores are, relative to the page."""
    return PATH.replace("{upload_id:uuid}", str(upload_id))


def safe_text(text: str | None) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe before whatever may be one."""
    return "'" + text if text and text.lstrip(" \u00a0").startswith(_FORMULA_BEGINS) else text or ""


def csv_lines(rows: Iterable[ScoredRow]) -> str:
    """Return rows as lines of CSV (RFC 4180); what is not known is empty."""
    text = io.StringIO()
    csv.writer(text).writerows(_cells(row) for row in rows)
    return text.getvalue()


def scores_route(mart: Mart) -> Route:
    """Return the route of the scores; with a login, only for who is logged in."""

    def send(request: Request) -> Response:
        if not _is_let_in(request):
            return PlainTextResponse("log in first\n", 401)
        upload_id = request.path_params["upload_id"]
        found = mart.ask(lambda connection: (journal.file_name_of(connection, upload_id),))
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
        return StreamingResponse(_content(mart, upload_id), media_type="text/csv; charset=utf-8", headers=headers)

    return Route(f"/{PATH}", send, methods=["GET"])


def _content(mart: Mart, upload_id: UUID) -> Iterator[str]:
    """Yield the file: the header, then a chunk of rows at a time."""
    yield ",".join(COLUMNS) + "\r\n"
    for chunk in count():
        rows = mart.ask(partial(journal.scored_rows, upload_id=upload_id, chunk=chunk))
        if rows is None:
            raise DatabaseAway
        if not rows:
            return
        yield csv_lines(rows)


def _cells(row: ScoredRow) -> tuple[object, ...]:
    return (
        safe_text(row.transaction_id),
        _time(row.event_time),
        row.amount,
        safe_text(row.category),
        safe_text(row.merchant),
        safe_text(row.state),
        "" if row.score is None else f"{row.score:.6f}",
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
