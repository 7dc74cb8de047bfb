"""Free space on disk."""

import shutil
from pathlib import Path

from services.common.errors import Stop


def check_disk(folder: Path, needed_bytes: int) -> None:
    """Check that a folder's file system has room.

    Raises:
        Stop: it has not; says how much is missing.
    """
    there = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(there).free
    if free < needed_bytes:
        raise Stop(
            f"the disk of {there} is full: {free / 1e9:.1f} GB are free, {needed_bytes / 1e9:.1f} GB are needed;"
            " free some space, then run the same command again"
        )
