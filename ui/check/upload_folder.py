"""Empties the folder in which uploaded files lie while they are sent of what a page that was killed has left."""

import shutil
from pathlib import Path


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
