"""The folder in which uploaded files lie while they are sent: the page's own, and emptied of what a killed one left."""

import os
import shutil
import tempfile
from pathlib import Path

from services.common.errors import Stop


def own_folder(port: int) -> Path:
    """Return a folder that this user alone can open, made if need be; the port tells pages of one machine apart.

    Raises:
        Stop: it belongs to somebody else, or cannot be made.
    """
    folder = Path(tempfile.gettempdir()) / f"fraud-ui-{port}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise Stop(f"no folder for uploads at {folder}: {error.strerror}") from error
    if folder.is_symlink() or found.st_uid != os.getuid():
        raise Stop(f"{folder} is somebody else's: uploads are not put there; set TMPDIR or GRADIO_TEMP_DIR")
    folder.chmod(0o700)
    return folder


def remove_leftovers(folder: Path, before: float) -> int:
    """Remove what was put there before a moment, in seconds since 1970; return how many entries that were."""
    removed = 0
    for entry in folder.iterdir():
        if entry.lstat().st_mtime >= before:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
        removed += 1
    return removed
