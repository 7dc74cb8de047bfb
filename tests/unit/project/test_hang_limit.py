"""No test can hang: pytest itself is run here on tests that hang on purpose."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from services.common.settings import project_root

HANGS_IN_C = "ctypes.PyDLL(None).pause()  # PyDLL keeps the GIL: no thread of this interpreter can run"


def run_pytest(folder: Path, body: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with the plugin on one module, test_it.py, in a folder of its own.

    Its temporary files have a folder of their own: at its end it would delete what earlier runs left in the shared one.
    """
    imports = "import ctypes, subprocess, sys, threading, time, pytest\n"
    (folder / "test_it.py").write_text(imports + textwrap.dedent(body))
    plugin = ["-p", "tests.support.hang_limit", "-p", "no:cacheprovider", "-c", "/dev/null"]
    plugin += ["--rootdir", str(folder), "--basetemp", str(folder / "temporary")]
    command = [sys.executable, "-m", "pytest", *plugin, *options, str(folder / "test_it.py")]
    env = os.environ | {"PYTEST_ADDOPTS": ""}  # CI measures coverage, not that of pytest in pytest
    return subprocess.run(command, cwd=project_root(), env=env, capture_output=True, text=True, timeout=90, check=False)


def test_a_test_that_hangs_in_c_is_ended_with_its_name_and_stacks(tmp_path: Path) -> None:
    """Though it keeps the GIL, so that neither a signal handler nor a thread could end it."""
    done = run_pytest(tmp_path, f"def test_stuck():\n    {HANGS_IN_C}\n", "--timeout", "1")

    assert done.returncode == -signal.SIGABRT
    assert "TIMEOUT: test_it.py::test_stuck exceeded its limit" in done.stderr
    assert "test_stuck" in done.stderr.partition("Fatal Python error: Aborted")[2], "the stack by faulthandler"
    if Path(sys.executable).with_name("py-spy").exists():
        assert "pause" in done.stderr.partition("Fatal Python error")[0], "the native frame by py-spy"


def test_a_worker_that_hangs_fails_its_test_alone(tmp_path: Path) -> None:
    """The others pass, and the run fails."""
    body = f"def test_stuck():\n    {HANGS_IN_C}\ndef test_good():\n    pass\n"

    done = run_pytest(tmp_path, body, "--timeout", "1", "-n", "1")

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "crashed while running 'test_it.py::test_stuck'" in done.stdout
    assert "1 failed, 1 passed" in done.stdout


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        (
            """
            @pytest.fixture
            def slow():
                yield
                time.sleep(600)

            def test_failed(slow):
                assert False
            """,
            "test_it.py::test_failed",
        ),
        ("def test_quick():\n    subprocess.Popen(['sleep', '600'])\n    time.sleep(600)", "test_it.py::test_quick"),
    ],
    ids=["the teardown of a test that failed", "a test with a child of its own"],
)
@pytest.mark.slow
def test_whatever_belongs_to_a_test_is_within_its_limit(tmp_path: Path, body: str, ended: str) -> None:
    """Its fixtures too, and its processes end with it: they hold the pipe that is read here."""
    done = run_pytest(tmp_path, body, "--timeout", "1")

    assert done.returncode == -signal.SIGABRT
    assert f"TIMEOUT: {ended} exceeded" in done.stderr


@pytest.mark.slow
def test_a_run_that_does_not_come_to_its_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that nobody ends keeps Python from ending after the last test."""
    monkeypatch.setenv("HANG_LIMIT_GRACE_SECONDS", "1")
    body = "def test_leaves_a_thread():\n    threading.Thread(target=time.sleep, args=(600,)).start()\n"

    done = run_pytest(tmp_path, body)

    assert done.returncode == -signal.SIGABRT
    assert "TIMEOUT: the end of the run exceeded" in done.stderr


@pytest.mark.slow
def test_a_worker_that_is_done_waits_for_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For longer than the end of a run may take."""
    monkeypatch.setenv("HANG_LIMIT_GRACE_SECONDS", "5")
    body = "def test_short():\n    pass\ndef test_long():\n    time.sleep(9)\n"

    done = run_pytest(tmp_path, body, "--dist", "load", "-n", "2", "--maxschedchunk", "1")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "TIMEOUT" not in done.stderr


@pytest.mark.slow
def test_the_whole_run_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it even a test without a limit of its own is ended."""
    monkeypatch.setenv("HANG_LIMIT_GRACE_SECONDS", "1")

    done = run_pytest(tmp_path, f"def test_stuck():\n    {HANGS_IN_C}\n", "--session-timeout", "1")

    assert done.returncode == -signal.SIGABRT
    assert "TIMEOUT: the whole run exceeded" in done.stderr
