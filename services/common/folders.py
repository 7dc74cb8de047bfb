"""Folders that belong to one user of a machine, and where what a process remembers is kept. Knows no service."""

import hashlib
import os
import tempfile
from pathlib import Path

from services.common.errors import Stop


def own_folder(name: str) -> Path:
    """Return a folder for passing things that this user alone can open, made if need be; each user has another one.

    Raises:
        Stop: it belongs to somebody else, or cannot be made.
    """
    folder = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise Stop(f"no folder at {folder}: {error.strerror}") from error
    if folder.is_symlink() or found.st_uid != os.getuid():
        raise Stop(f"{folder} is somebody else's and is not used; set TMPDIR")
    folder.chmod(0o700)
    return folder


def state_folder(installation: Path) -> Path:
    """Return where processes of an installation, run by this user, keep what is to outlive them.

    Below $XDG_STATE_HOME or ~/.local/state (XDG Base Directory Specification); a user without a home has a folder among
    the temporary files. Neither another user nor another installation has the same.
    """
    mark = short_hash(installation)
    if home := os.environ.get("XDG_STATE_HOME"):
        return Path(home) / "fraud-scoring" / mark
    try:
        home_folder = Path.home()
    except RuntimeError:  # a user that the system does not know, and no HOME
        return own_folder("fraud-scoring") / mark
    if not os.access(home_folder, os.W_OK):
        return own_folder("fraud-scoring") / mark
    return home_folder / ".local" / "state" / "fraud-scoring" / mark


def short_hash(folder: Path) -> str:
    """Return six letters that tell a folder from others: of its path, links resolved."""
    return hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:6]
