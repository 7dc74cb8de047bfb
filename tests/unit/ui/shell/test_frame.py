"""Errors nobody foresaw, as the reader hears of them."""

from typing import Any
from uuid import UUID

import gradio as gr
import psycopg
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.support.other_contracts import SHIPPED
from ui.files.download import path_of, scores_route
from ui.shell.frame import friendly_errors
from ui.shell.texts import RUSSIAN


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (psycopg.errors.InsufficientPrivilege("permission denied"), RUSSIAN.database_failed.format(code="42501")),
        (psycopg.errors.UndefinedTable("no table"), RUSSIAN.database_failed.format(code="42P01")),
        (ZeroDivisionError(), RUSSIAN.unexpected),
    ],
)
def test_an_error_is_reported_as_what_it_is(error: Exception, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One of the database by its code, none as an outage; the cause is in the log."""
    with pytest.raises(gr.Error) as caught, friendly_errors(RUSSIAN):
        raise error
    assert caught.value.message == said
    assert type(error).__name__ in capsys.readouterr().out


class Database:
    """Stands in for the mart: answers by an error, or not at all."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def ask(self, _: Any) -> None:
        if self.error:
            raise self.error


@pytest.mark.parametrize(
    ("error", "status"), [(None, 503), (psycopg.errors.InsufficientPrivilege("permission denied"), 500)]
)
def test_a_download_tells_an_outage_from_an_error(error: Exception | None, status: int) -> None:
    """The one may be tried again, the other is an administrator's."""
    app: Any = FastAPI(routes=[scores_route(Database(error), SHIPPED)])  # type: ignore[arg-type]
    app.auth = app.auth_dependency = None
    assert TestClient(app).get("/" + path_of(UUID(int=1), "ru")).status_code == status
