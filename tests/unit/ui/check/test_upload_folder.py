"""Uploaded files do not lie longer than needed."""

import os
from pathlib import Path

from ui.check.upload import remove_leftovers


def test_what_a_killed_page_left_is_removed_and_nothing_newer(tmp_path: Path) -> None:
    """Links are removed, not followed."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    old, new, outside = folder / "old", folder / "new", folder.parent / "outside"
    for directory in (old, new, outside):
        directory.mkdir()
        (directory / "transactions.csv").write_text("Ada")
    os.utime(old, (1, 1))
    (folder / "link").symlink_to(outside)
    os.utime(folder / "link", (1, 1), follow_symlinks=False)

    assert remove_leftovers(folder, before=1_000_000) == 2
    assert [entry.name for entry in folder.iterdir()] == ["new"]
    assert (outside / "transactions.csv").exists()
