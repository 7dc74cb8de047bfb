"""Uploads that come byte by byte and never end, from somebody who wants the page to be of no use to others."""

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.page import GOOD_ROW, Connection, Ui, rss_mb, send, write_csv
from tests.support.processes import wait_for

pytest_plugins = ["tests.support.page_fixtures"]

UPLOADS = 200
MORE_MB = 40
"""What so many of them may cost while they last, and leave behind."""

HEAD = b"""POST /gradio_api/upload HTTP/1.1\r
Host: 127.0.0.1\r
Content-Type: multipart/form-data; boundary=b\r
Content-Length: 10000000\r
\r
--b\r
Content-Disposition: form-data; name="files"; filename="slow.csv"\r
Content-Type: text/csv\r
\r
transaction_time"""


@contextlib.contextmanager
def endless_uploads(port: int, number: int) -> Iterator[list[socket.socket]]:
    """Begin so many uploads that never end."""
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(number):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            connection.sendall(HEAD)
            connections.append(connection)
        yield connections


def seconds_to_answer(port: int) -> float:
    """Return how long the page takes to return its configuration."""
    started = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/config")
    assert connection.getresponse().status == 200
    connection.close()
    return time.monotonic() - started


@pytest.mark.slow
def test_uploads_that_never_end_hold_up_nobody(ui: Ui, page: Page, mart: Connection, tmp_path: Path) -> None:
    """Others send files meanwhile; of the endless ones neither a row is left nor a connection, nor the memory."""
    mart.execute("truncate uploads, upload_rows")
    port, before = ui.process.probe_port, rss_mb(ui)
    with endless_uploads(port, UPLOADS) as connections:
        for connection in connections[::2]:
            connection.sendall(b",")
        assert min(seconds_to_answer(port) for _ in range(3)) < 2

        send(page, write_csv(tmp_path / "transactions.csv", GOOD_ROW))
        expect(page.locator("#headline")).to_contain_text("Готово: 1 строка", timeout=30_000)

        assert rss_mb(ui) < before + MORE_MB

    wait_for(lambda: not established(port), 10)
    assert mart.execute("select count(*) from uploads").fetchall() == [(1,)]
    assert rss_mb(ui) < before + MORE_MB


def established(port: int) -> int:
    """Return how many connections to a port of this machine the server still holds."""
    lines = Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()[1:]
    fields = (line.split() for line in lines)
    return sum(1 for field in fields if field[1].endswith(f":{port:04X}") and field[3] == "08")
