"""Folders of one user of a machine: temporary ones, and one for the state of an installation."""

import hashlib
import os
import tempfile
from pathlib import Path

from services.common.errors import Stop


def own_folder(name: str) -> Path:
    """Return a temporary folder that only this user can open, created if necessary; each user has another one.

    Raises:
        Stop: it belongs to somebody else, or cannot be created.
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
    """Return the folder for what outlives the processes of an installation; each user and installation has another one.

    Below $XDG_STATE_HOME or ~/.local/state (XDG Base Directory Specification); temporary for a user without a home.
    """
    mark = short_hash(installation)
    if home := os.environ.get("XDG_STATE_HOME"):
        return Path(home) / "fraud-scoring" / mark
    try:
        home_folder = Path.home()
    except RuntimeError:  # a user unknown to the system, and no HOME
        return own_folder("fraud-scoring") / mark
    if not os.access(home_folder, os.W_OK):
        return own_folder("fraud-scoring") / mark
    return home_folder / ".local" / "state" / "fraud-scoring" / mark


def short_hash(folder: Path) -> str:
    """Return six hexadecimal digits of the hash of a folder's path, links resolved."""
    return hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:6]
