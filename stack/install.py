"""`python -m stack.install`: makes the virtual environment, and installs a lock into it with pip.

Of Python it needs the standard library alone: it runs before anything is installed.
"""

import argparse
import importlib.util
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from services.common.errors import Stop
from stack.disk import check_disk
from stack.progress import Progress

NEEDED_BYTES = 2_000_000_000
"""The largest lock with what pip unpacks on the way; the smallest takes about half."""

CAUSES = {
    r"No space left on device": "the disk is full: free some space, then run the same command again",
    r"Retrying \(Retry\(|Max retries exceeded|Read timed out|IncompleteRead": (
        "the package index cannot be reached: check the network; HTTPS_PROXY names a proxy, PIP_CERT its certificates,"
        " PIP_INDEX_URL another index"
    ),
    r"No matching distribution found": (
        "the package index has no wheel of a library for this system and Python; CONTRIBUTING.md names those that work"
    ),
}
"""What pip prints -> what to do, the first that matches. It exits with 1 whatever the cause: it has no other sign."""


def make_environment(folder: Path) -> None:
    """Create a virtual environment with pip.

    Raises:
        Stop: the disk is full, or this Python lacks a part.
    """
    print(f"creating {folder}", flush=True)
    check_disk(folder.absolute().parent, NEEDED_BYTES)
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        raise Stop(f"{sys.executable} has no module venv: install it (Debian, Ubuntu: apt install python3-venv)")
    made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        raise Stop(f"cannot create {folder}: {_last_line(made.stderr or made.stdout)}")


def install(lock: Path) -> None:
    """Install what a lock file names, each with its hash, into the environment of this Python.

    Raises:
        Stop: pip fails; one line says what to do about it.
    """
    check_disk(Path(sys.prefix), NEEDED_BYTES)
    if not importlib.util.find_spec("pip"):  # an environment that another tool made
        subprocess.run([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL, check=True)
    total = len(re.findall(r"^\S+==", lock.read_text(encoding="utf-8"), re.MULTILINE))
    print(f"installing {lock}: {total} packages", flush=True)
    began = time.monotonic()
    # Most modules are never imported: compiling them all takes half of the time.
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--no-compile",
        "--progress-bar",
        "off",
    ]
    with subprocess.Popen(
        [*pip, "--require-hashes", "--only-binary", ":all:", "-r", lock],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    ) as running:  # fmt: skip
        output = _follow(running.stdout or (), total)
    if running.returncode != 0:
        raise Stop(f"cannot install {lock}: {_cause(output)}")
    print(f"installed in {time.monotonic() - began:.0f} s", flush=True)


def _follow(lines: Iterable[str], total: int) -> str:
    """Show pip's progress; return all it prints."""
    progress, printed = Progress(total), []
    seen, name = 0, ""
    for line in lines:
        printed.append(line)
        if found := re.match(r"(?:Collecting|Requirement already satisfied:) (\S+)", line):
            seen, name = seen + 1, found[1]
            progress.show(seen, name)
        elif found := re.match(r"\s*Downloading \S+ (\(.*\))", line):
            progress.show(seen, f"{name} {found[1]}")
        elif line.startswith("Installing collected packages"):
            progress.show(seen, "unpacking")
    progress.clear()
    return "".join(printed)


def _cause(output: str) -> str:
    known = next((advice for words, advice in CAUSES.items() if re.search(words, output)), None)
    errors = re.findall(r"^ERROR: (.*)", output, re.MULTILINE)
    return known or (errors[-1] if errors else _last_line(output))


def _last_line(output: str) -> str:
    return (output.strip().splitlines() or ["no reason was given"])[-1]


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m stack.install", description=__doc__)
    parser.add_argument("--venv", type=Path, help="create this virtual environment")
    parser.add_argument("lock", type=Path, nargs="?", help="install this lock file")
    options = parser.parse_args(arguments)
    try:
        if options.venv:
            make_environment(options.venv)
        if options.lock:
            install(options.lock)
    except Stop as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
