"""Serves the CSV template and the sample file, without a login: they hold nobody's data."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from services.common.contract.cards import FIELDS
from services.common.message import NUMBERS
from services.common.settings import project_root
from ui.shell.excel import BYTE_ORDER_MARK, DIALECTS, ExcelDialect

TEMPLATE_PATH, SAMPLE_PATH = "files/template.csv", "files/sample.csv"
MEDIA_TYPE = "text/csv; charset=utf-8"

EXAMPLE_ROW = (
    "2020-06-21 22:14", "fraud_Stokes, Christiansen and Sipes", "grocery_net", "25.79", "Maria", "Example", "F",
    "1 Example Street", "Springfield", "IL", "62701", "39.7817", "-89.6501", "114394", "Surveyor", "39.9012",
    "-89.1205",
)  # fmt: skip


def sample_file() -> Path:
    """Return the path of the sample: transactions made by the simulator."""
    return project_root() / "services" / "simulator" / "sample.csv"


def template(dialect: ExcelDialect | None = None) -> str:
    """Return the template, header and one row: in a dialect of Excel, or in the competition's format."""
    return _written([FIELDS, EXAMPLE_ROW], dialect)


def download_routes() -> list[Route]:
    """Return the routes of the files; that of the sample only if the file exists."""

    async def send_template(request: Request) -> Response:
        return _response(template(_dialect(request)), "template.csv")

    def send_sample(request: Request) -> Response:
        if (dialect := _dialect(request)) is None:
            return FileResponse(sample_file(), media_type=MEDIA_TYPE, filename="sample.csv")
        with sample_file().open(newline="", encoding="utf-8") as file:
            return _response(_written(csv.reader(file), dialect), "sample.csv")

    routes = [Route(f"/{TEMPLATE_PATH}", send_template)]
    return [*routes, Route(f"/{SAMPLE_PATH}", send_sample)] if sample_file().is_file() else routes


def _dialect(request: Request) -> ExcelDialect | None:
    return DIALECTS.get(request.query_params.get("language", ""))


def _written(rows: Iterable[Sequence[str]], dialect: ExcelDialect | None) -> str:
    """Return rows as CSV, header first; a dialect also decides how numbers are written."""
    if dialect is None:
        return DIALECTS["en"].lines(rows)
    header, *data = rows
    cells = (
        [dialect.number(cell) if name in NUMBERS else cell for name, cell in zip(header, row, strict=True)]
        for row in data
    )
    return BYTE_ORDER_MARK + dialect.lines([header, *cells])


def _response(content: str, name: str) -> Response:
    return Response(content, media_type=MEDIA_TYPE, headers={"Content-Disposition": f'attachment; filename="{name}"'})
