"""Uploaded files lie where nobody else looks, and not longer than needed."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from services.common.errors import Stop
from ui.upload_folder import own_folder, remove_leftovers


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_folder_is_the_page_s_alone() -> None:
    """Nobody else can look into it, also if it was there with other rights; another port has another."""
    folder = own_folder(7860)
    folder.chmod(0o755)
    assert own_folder(7860) == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert own_folder(7861) != folder


def test_a_folder_that_somebody_put_there_is_not_taken(temporary: Path) -> None:
    """A link would lead the payments to wherever its maker likes."""
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (temporary / "fraud-ui-7860").symlink_to(elsewhere)
    with pytest.raises(Stop, match="somebody else's"):
        own_folder(7860)


def test_what_a_killed_page_left_is_removed_and_nothing_newer() -> None:
    """Links are removed, not followed."""
    folder = own_folder(7860)
    old, new, outside = folder / "old", folder / "new", folder.parent / "outside"
    for directory in (old, new, outside):
        directory.mkdir()
        (directory / "payments.csv").write_text("Ada")
    os.utime(old, (1, 1))
    (folder / "link").symlink_to(outside)
    os.utime(folder / "link", (1, 1), follow_symlinks=False)

    assert remove_leftovers(folder, before=1_000_000) == 2
    assert [entry.name for entry in folder.iterdir()] == ["new"]
    assert (outside / "payments.csv").exists()
