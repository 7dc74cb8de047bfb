"""Folders of one user, of one installation."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from services.common.errors import Stop
from services.common.folders import own_folder, state_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return tmp_path


def test_a_folder_is_its_user_s_alone(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else can look into it, also if it was there with other rights; another user has another one."""
    folder = own_folder("fraud-ui-7860")
    folder.chmod(0o755)
    assert own_folder("fraud-ui-7860") == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert own_folder("fraud-ui-7861") != folder
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(Stop, match="fraud-ui-7860-12345 is somebody else's"):  # as another user makes it here
        own_folder("fraud-ui-7860")


def test_a_folder_that_somebody_put_there_is_not_taken(temporary: Path) -> None:
    """A link would lead the transactions to wherever its maker likes."""
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (temporary / f"fraud-ui-7860-{os.getuid()}").symlink_to(elsewhere)
    with pytest.raises(Stop, match="somebody else's"):
        own_folder("fraud-ui-7860")


def test_state_belongs_to_a_user_and_an_installation(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of either have two folders, and one and the same has one; a user without a home has one too."""
    monkeypatch.setenv("HOME", str(temporary))
    one, other = state_folder(temporary / "one"), state_folder(temporary / "other")
    assert one == state_folder(temporary / "one")
    assert one != other
    assert one.parent == other.parent == temporary / ".local" / "state" / "fraud-scoring"

    monkeypatch.setenv("XDG_STATE_HOME", str(temporary / "state"))
    assert state_folder(temporary / "one") == temporary / "state" / "fraud-scoring" / one.name
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/nonexistent")
    assert state_folder(temporary / "one") == temporary / f"fraud-scoring-{os.getuid()}" / one.name
