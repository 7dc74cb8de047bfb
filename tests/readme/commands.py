"""The commands of the README."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def commands(program: str) -> list[str]:
    """Return the README's commands that begin with a program, in their order."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith(program)]


def run(command: str, seconds: float = 900, folder: Path = ROOT) -> str:
    """Run a command in a shell in a folder, the root of the repository by default; return what it printed."""
    done = subprocess.run(  # noqa: S602  # the README's commands are meant for a shell
        command,
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout
