"""Installing the locks: what pip does is shown, and what goes wrong is one line that says what to do."""

import hashlib
import io
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest

from services.common.errors import Stop
from services.common.settings import project_root
from stack.disk import check_disk
from stack.install import NEEDED_BYTES
from stack.ports import free_port
from stack.progress import Progress

OUT_OF_REACH = {"PIP_FIND_LINKS": "", "PIP_RETRIES": "1", "PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "", "no_proxy": ""}


def install(
    *arguments: str | Path, python: str | Path = sys.executable, **env: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", "stack.install", *arguments],
        cwd=project_root(), env=os.environ | env, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def stack_of_its_own(home: Path) -> dict[str, str]:
    names = ("KAFKA", "POSTGRES", "UI", "SCORER_PROBE", "SINK_PROBE", "UI_PROBE")
    return {"STACK_HOME": str(home)} | {f"{name}_PORT": str(free_port()) for name in names}


def write_lock(folder: Path, sha256: str = "0" * 64) -> Path:
    """Write a lock of a package that no index has."""
    lock = folder / "lock.txt"
    lock.write_text(f"# written by hand\nfraud-thing==1.0 \\\n    --hash=sha256:{sha256}\n    # via nothing\n")
    return lock


def write_wheel(folder: Path) -> Path:
    wheel = folder / "fraud_thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        info = "fraud_thing-1.0.dist-info"
        archive.writestr("fraud_thing.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: fraud-thing\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.mark.slow
def test_an_environment_is_made_and_a_lock_installed_into_it(tmp_path: Path) -> None:
    """In a folder of any name; a wheel with another hash is refused in pip's words."""
    folder = tmp_path / "mit Blank ü"
    folder.mkdir()
    python, wheel = folder / "venv/bin/python", write_wheel(tmp_path)
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    assert install("--venv", folder / "venv").returncode == 0

    refused = install(write_lock(folder), python=python, **offline)
    assert refused.returncode == 1
    assert "HASHES" in refused.stderr

    lock = write_lock(folder, hashlib.sha256(wheel.read_bytes()).hexdigest())
    done = install(lock, python=python, **offline)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"installing {lock}: 1 packages\ninstalled in "), "no progress where no terminal is"
    assert subprocess.run([python, "-c", "import fraud_thing"], check=False).returncode == 0


def test_without_a_network_the_line_says_what_to_set(tmp_path: Path) -> None:
    """Nothing answers where the index should be."""
    index = {"PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple"}
    tried = install(write_lock(tmp_path), **OUT_OF_REACH, **index)

    assert tried.returncode == 1
    assert tried.stderr.count("\n") == 1
    assert "the package index cannot be reached: check the network; HTTPS_PROXY names a proxy" in tried.stderr


def test_without_a_wheel_the_line_names_the_systems(tmp_path: Path) -> None:
    """As on a system or with a Python that a library does not know."""
    tried = install(write_lock(tmp_path), **OUT_OF_REACH | {"PIP_NO_INDEX": "1"})

    assert tried.returncode == 1
    assert tried.stderr.count("\n") == 1
    assert "no wheel of a library for this system and Python; CONTRIBUTING.md names those that work" in tried.stderr


@contextmanager
def refusing_proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that lets nothing through; give its address and what it was asked for."""
    asked: list[str] = []

    class Refuse(StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().decode().split()[0])
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with ThreadingTCPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def test_libraries_and_jars_are_fetched_through_the_proxy(tmp_path: Path) -> None:
    """The one that HTTPS_PROXY names; if it lets nothing through, one line says so."""
    with refusing_proxy() as (address, asked):
        through = OUT_OF_REACH | {"HTTPS_PROXY": address, "https_proxy": address}
        libraries = install(write_lock(tmp_path), **through, PIP_INDEX_URL="https://index.example/simple")
        assert libraries.returncode == 1
        assert "the package index cannot be reached" in libraries.stderr
        assert set(asked) == {"CONNECT"}

        asked.clear()
        jars = subprocess.run(
            [sys.executable, "-m", "stack", "up"],
            cwd=project_root(), env=os.environ | through | stack_of_its_own(tmp_path),
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert jars.returncode == 1
        assert len(jars.stderr.strip().splitlines()) == 1
        assert "check the network; HTTPS_PROXY names a proxy" in jars.stderr
        assert set(asked) == {"CONNECT"}


def test_a_disk_without_room_is_noticed_before_anything_is_fetched(tmp_path: Path) -> None:
    """How much is free, and how much is needed; a folder that is still to be made counts as the one above."""
    check_disk(tmp_path, 1)
    with pytest.raises(
        Stop, match=rf"the disk of {tmp_path} is full: [\d.]+ GB are free, 1152921504\.6 GB are needed; free"
    ):
        check_disk(tmp_path / "not" / "yet", 1 << 60)


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is made with Linux's namespaces")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """A real one, of one megabyte: of the environment, and of the data."""
    mounted = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        f'mount -t tmpfs -o size=1m none {tmp_path} && exec "$@"',
        "-",
    ]
    if subprocess.run([*mounted, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not make a small disk")
    for command, needed in (
        (("stack.install", "--venv", str(tmp_path / "venv")), NEEDED_BYTES),
        (("stack", "up"), 1_000_000_000),
    ):
        tried = subprocess.run(
            [*mounted, sys.executable, "-m", *command],
            cwd=project_root(), env=os.environ | stack_of_its_own(tmp_path),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert tried.returncode == 1
        assert tried.stderr.strip() == (
            f"the disk of {tmp_path} is full: 0.0 GB are free, {needed / 1e9:.1f} GB are needed;"
            " free some space, then run the same command again"
        )


def test_progress_is_one_line_on_a_terminal_and_nothing_elsewhere() -> None:
    """A log of an installation has no bars in it."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, file = Terminal(), io.StringIO()
    for output in (terminal, file):
        progress = Progress(3, output)
        progress.show(1, "one")
        progress.clear()

    assert terminal.getvalue() == "\r  1 of 3  one\033[K\r\033[K"
    assert file.getvalue() == ""
