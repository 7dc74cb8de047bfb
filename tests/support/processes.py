"""The services as processes, the way an operator runs them."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ANY_PORT = {"UI_PROBE_PORT": "0"}
"""So that pages that run at the same time do not want the same port."""


def module_of(name: str) -> str:
    """Return what `python -m` runs for a service or a tool."""
    return f"services.{name}" if (ROOT / "services" / name / "__main__.py").exists() else f"services.tools.{name}"


@dataclass
class ServiceProcess:
    """A running service; what it prints goes to `log`."""

    process: subprocess.Popen[bytes]
    log: Path
    probe_port: int

    @classmethod
    def start(cls, module: str, env: dict[str, str], log: Path, probe_port: int, *arguments: str) -> "ServiceProcess":
        """Start `python -m module`."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env=os.environ | ANY_PORT | env,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return cls(process, log, probe_port)

    def ready(self, path: str = "/readyz") -> bool:
        """Return whether its probe answers 200."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.probe_port}{path}", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def wait_ready(self, seconds: float = 30) -> "ServiceProcess":
        """Wait until it is ready."""
        wait_for(self.ready, seconds, lambda: f"not ready:\n{self.text()}")
        return self

    def metrics(self) -> dict[str, float]:
        """Return its metrics: name with labels -> value."""
        return metrics_at(self.probe_port)

    def finish(self, seconds: float = 60) -> int:
        """Wait for its end; return the exit code."""
        return self.process.wait(seconds)

    def terminate(self, seconds: float = 15) -> int:
        """Ask it to stop with SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.finish(seconds)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.process.kill()
        self.process.wait(10)

    def text(self) -> str:
        """Return what it printed so far."""
        return self.log.read_text(errors="replace")


def metrics_at(port: int) -> dict[str, float]:
    """Return the metrics served on a port of loopback: name with labels -> value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def wait_for(condition, seconds: float, explain=lambda: "it did not come true") -> None:  # type: ignore[no-untyped-def]
    """Wait until a condition is true, at most so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.1)
