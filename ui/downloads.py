"""Serves the CSV template and the sample file. Both hold no one's data, so they need no login."""

import csv
import io
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from services.common.contract import FIELDS
from services.common.settings import project_root

TEMPLATE_PATH, SAMPLE_PATH = "files/template.csv", "files/sample.csv"

EXAMPLE_ROW = (
    "2020-06-21 22:14", "fraud_Stokes, Christiansen and Sipes", "grocery_net", "25.79", "Maria", "Example", "F",
    "1 Example Street", "Springfield", "IL", "62701", "39.7817", "-89.6501", "114394", "Surveyor", "39.9012",
    "-89.1205",
)  # fmt: skip


def sample_file() -> Path:
    """Return where the sample is: payments made by the simulator."""
    return project_root() / "services" / "simulator" / "sample.csv"


def template() -> str:
    """Return the template: the header and one row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([FIELDS, EXAMPLE_ROW])
    return text.getvalue()


def download_routes() -> list[Route]:
    """Return the routes of the files; the sample has one only where it exists."""

    async def send_template(_: Request) -> Response:
        headers = {"Content-Disposition": 'attachment; filename="template.csv"'}
        return Response(template(), media_type="text/csv; charset=utf-8", headers=headers)

    async def send_sample(_: Request) -> Response:
        return FileResponse(sample_file(), media_type="text/csv; charset=utf-8", filename="sample.csv")

    routes = [Route(f"/{TEMPLATE_PATH}", send_template)]
    return [*routes, Route(f"/{SAMPLE_PATH}", send_sample)] if sample_file().is_file() else routes
