"""The virtual environment of a peer, created once from its lock: it needs other versions of libraries than we do."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

from services.common.errors import Stop
from services.common.settings import project_root

REQUIREMENTS = project_root() / "requirements"
HOME = project_root() / ".stack" / "bench"


def lock_of(peer: str) -> Path:
    """Return the lock of a peer."""
    return REQUIREMENTS / f"bench-{peer}.txt"


def make_venv(peer: str) -> Path:
    """Return the Python of a peer's environment; recreated when its lock or our Python has changed.

    Raises:
        Stop: the environment cannot be created; with the last line of the error.
    """
    lock, home = lock_of(peer), HOME / peer
    python, stamp = home / "bin" / "python", home / "created-from"
    wanted = f"{hashlib.sha256(lock.read_bytes()).hexdigest()} {sys.version}"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"creating the environment of {peer}", flush=True)
        _run(sys.executable, "-m", "venv", "--clear", str(home))
        pip = (str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
        _run(*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", str(lock))
        stamp.write_text(wanted, encoding="utf-8")
    return python


def locked_version(peer: str, distribution: str) -> str:
    """Return the version of a library in a peer's lock."""
    found = re.search(rf"^{re.escape(distribution)}==(\S+)", lock_of(peer).read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "unknown"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Stop((done.stderr.strip() or f"{command[0]} failed").splitlines()[-1])
