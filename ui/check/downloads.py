"""Serves the CSV template and the sample file, without a login: they hold nobody's data."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from services.common.contract.model import Contract
from services.common.settings import project_root
from ui.examples import example
from ui.shell.excel import BYTE_ORDER_MARK, DIALECTS, ExcelDialect

TEMPLATE_PATH, SAMPLE_PATH = "files/template.csv", "files/sample.csv"
MEDIA_TYPE = "text/csv; charset=utf-8"

SAMPLE = project_root() / "services" / "simulator" / "sample.csv"


class ExampleFiles:
    """The template, and the sample if it has the contract's fields: it is of card transactions, by the simulator."""

    def __init__(self, contract: Contract, manifest: Path) -> None:
        self._contract, self._manifest = contract, manifest
        self.has_sample = _header(SAMPLE) == [*contract.fields]

    def template(self, dialect: ExcelDialect | None = None) -> str:
        """Return the template, header and one row: in a dialect of Excel, or as programs write CSV."""
        row = example(self._contract, self._manifest)
        return self._written([[*row], *([[*row.values()]] if any(row.values()) else [])], dialect)

    def routes(self) -> list[Route]:
        """Return the routes of the files."""

        def send_template(request: Request) -> Response:
            return _response(self.template(_dialect(request)), "template.csv")

        def send_sample(request: Request) -> Response:
            if (dialect := _dialect(request)) is None:
                return FileResponse(SAMPLE, media_type=MEDIA_TYPE, filename="sample.csv")
            with SAMPLE.open(newline="", encoding="utf-8") as file:
                return _response(self._written(csv.reader(file), dialect), "sample.csv")

        routes = [Route(f"/{TEMPLATE_PATH}", send_template)]
        return [*routes, Route(f"/{SAMPLE_PATH}", send_sample)] if self.has_sample else routes

    def _written(self, rows: Iterable[Sequence[str]], dialect: ExcelDialect | None) -> str:
        """Return rows as CSV, header first; a dialect also decides how numbers are written."""
        if dialect is None:
            return DIALECTS["en"].lines(rows)
        header, *data = rows
        numbers = self._contract.numbers
        cells = (
            [dialect.number(cell) if name in numbers else cell for name, cell in zip(header, row, strict=True)]
            for row in data
        )
        return BYTE_ORDER_MARK + dialect.lines([header, *cells])


def _header(path: Path) -> list[str]:
    """Return the names of a file's columns; none if there is no such file."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return next(csv.reader(file), [])
    except FileNotFoundError:
        return []


def _dialect(request: Request) -> ExcelDialect | None:
    return DIALECTS.get(request.query_params.get("language", ""))


def _response(content: str, name: str) -> Response:
    return Response(content, media_type=MEDIA_TYPE, headers={"Content-Disposition": f'attachment; filename="{name}"'})
