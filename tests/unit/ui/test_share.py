"""The public link, with a stand-in for the tunnel's client."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest
from gradio import networking, tunneling
from structlog.testing import capture_logs

from ui import share


@pytest.fixture
def page() -> gr.Blocks:
    stand_in = SimpleNamespace(server_name="127.0.0.1", server_port=7860, share_token="token", share_url=None)
    return cast(gr.Blocks, stand_in)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the tunnel's client, to be written by the test."""
    binary = tmp_path / "frpc"
    monkeypatch.setattr(tunneling, "BINARY_PATH", str(binary))
    monkeypatch.setattr(tunneling, "CURRENT_TUNNELS", [])
    monkeypatch.setattr(tunneling, "TUNNEL_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(networking, "GRADIO_SHARE_SERVER_ADDRESS", "127.0.0.1:7000")
    return binary


def run(binary: Path, script: str) -> None:
    binary.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    binary.chmod(0o755)


def ask(page: gr.Blocks, patience_seconds: float = 5) -> list[Any]:
    with capture_logs() as lines:
        share._open_link(page, patience_seconds)
    share.close_link()
    return list(lines)


def test_a_link_is_reported_in_one_line(page: gr.Blocks, client: Path) -> None:
    """The address is in the log and on the page's object."""
    run(client, "echo start proxy success: http://abc.gradio.live; exec sleep 30")
    (line,) = ask(page)
    assert (line["event"], line["url"]) == ("share_link_opened", "http://abc.gradio.live")
    assert page.share_url == "http://abc.gradio.live"


def test_a_refused_link_is_reported_in_one_line(page: gr.Blocks, client: Path) -> None:
    """The service refuses: the page goes on without a link."""
    run(client, "echo login to server failed; exec sleep 30")
    (line,) = ask(page)
    assert (line["event"], line["log_level"]) == ("share_link_failed", "warning")
    assert page.share_url is None


def test_no_internet_is_reported_in_one_line(
    page: gr.Blocks, client: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without a way out the client cannot even be fetched."""
    monkeypatch.setattr(tunneling, "BINARY_FOLDER", tmp_path)
    monkeypatch.setattr(tunneling, "BINARY_URL", "http://127.0.0.1:1/frpc")
    (line,) = ask(page)
    assert (line["event"], line["error"]) == ("share_link_failed", "ConnectError")


def test_a_silent_client_is_ended(page: gr.Blocks, client: Path) -> None:
    """A client that neither answers nor dies is waited for no longer than the patience."""
    run(client, "exec sleep 30")
    started = time.monotonic()
    (line,) = ask(page, patience_seconds=0.6)
    assert line["event"] == "share_link_failed"
    assert time.monotonic() - started < 5
    client_process = tunneling.CURRENT_TUNNELS[0].proc
    assert client_process is not None
    assert client_process.wait(5) != 0


def test_asking_does_not_block(page: gr.Blocks, client: Path) -> None:
    """Whoever asks for the link goes on at once."""
    run(client, "exec sleep 2")
    started = time.monotonic()
    with capture_logs():
        asking = share.open_link_in_background(page, patience_seconds=0.6)
        assert time.monotonic() - started < 0.5
        asking.join()
