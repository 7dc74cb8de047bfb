"""The nginx that docs/operations.md shows, as a process in front of a page."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.common.settings import project_root
from stack.ports import free_port
from tests.support.certificates import make_certificates
from tests.support.processes import wait_for

_MAIN = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {servers}
}}
"""


@dataclass(frozen=True)
class Sites:
    """Ports of servers with TLS: one passes the path on, one strips it."""

    passing: int
    stripping: int


def nginx_command() -> str:
    """Return the path of nginx; without one the test is skipped on a laptop and fails in CI."""
    if path := shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
        return path
    if os.environ.get("CI"):
        pytest.fail("no nginx on this machine: apt-get install nginx-light")
    pytest.skip("no nginx on this machine")


@contextmanager
def nginx(folder: Path, page_port: int) -> Iterator[Sites]:
    """Run nginx in front of a page with UI_ROOT_PATH=/fraud while the block lasts."""
    command, sites = nginx_command(), Sites(free_port(), free_port())
    certificates = make_certificates(folder, "127.0.0.1")
    passing = _documented(page_port).replace("/etc/ssl/fraud.example.pem", str(certificates.certificate))
    passing = passing.replace("/etc/ssl/fraud.example.key", str(certificates.key))
    stripping = passing.replace(f":{page_port};", f":{page_port}/;")
    assert stripping != passing
    servers = passing.replace("443", f"127.0.0.1:{sites.passing}", 1) + stripping.replace(
        "443", f"127.0.0.1:{sites.stripping}", 1
    )
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, servers=servers))
    process = subprocess.Popen([command, "-p", str(folder), "-c", "nginx.conf"], stderr=subprocess.PIPE)
    try:
        wait_for(lambda: _listens(sites.stripping) or process.poll() is not None, 30)
        assert process.poll() is None, process.communicate()[1].decode()
        yield sites
    finally:
        process.terminate()
        process.communicate(timeout=15)


def _documented(page_port: int) -> str:
    """Return the server block of the document, in front of this page."""
    (block,) = re.findall(r"```nginx\n(.*?)```", (project_root() / "docs/operations.md").read_text(), re.DOTALL)
    assert "http://127.0.0.1:7860;" in block
    return str(block).replace("127.0.0.1:7860", f"127.0.0.1:{page_port}")


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
