"""A compose project of a test: files, name and ports of its own, taken down with its data."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Project:
    """What `docker compose` is told beside a command."""

    name: str
    files: Sequence[str]
    env: Mapping[str, str]

    def compose(self, *arguments: str, seconds: float = 900) -> str:
        """Run `docker compose`; return what it printed on standard output."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=os.environ | self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def command(self, *arguments: str) -> list[str]:
        """Return the command line."""
        files = [part for file in self.files for part in ("-f", file)]
        return ["docker", "compose", "-p", self.name, *files, *arguments]

    def psql(self, query: str) -> str:
        """Return what the owner's psql answers, without headings."""
        return self.compose("exec", "-T", "postgres", "psql", "-U", "fraud_owner", "-At", "fraud", "-c", query).strip()

    def states(self) -> list[tuple[str, str, str]]:
        """Return (service, state, health) of every container that should run, in order."""
        rows = [json.loads(line) for line in self.compose("ps", "--format", "json").splitlines()]
        return sorted((row["Service"], row["State"], row["Health"]) for row in rows)

    def kill(self, service: str) -> None:
        """End the process of a service with SIGKILL as a crash would: its restart policy acts (it does not after
        `docker kill`, which counts as a manual stop).
        """
        [container] = self.compose("ps", "-q", service).split()
        found = subprocess.run(
            ["docker", "inspect", "-f", "{{.State.Pid}}", container], capture_output=True, text=True, check=True
        )
        subprocess.run(["kill", "-9", found.stdout.strip()], check=True)
