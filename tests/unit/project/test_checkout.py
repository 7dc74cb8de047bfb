"""A working copy is the same on every system."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from services.common.settings import project_root

BINARY = {".onnx", ".png"}


def test_a_git_that_writes_crlf_writes_lf_here(tmp_path: Path) -> None:
    """As Git for Windows does by default; `.gitattributes` is stronger (gitattributes(5), "eol").

    With CRLF neither make nor a shell script nor an image works, and the hashes of the model's files differ.
    """
    root = project_root()
    if not shutil.which("git") or not (root / ".git").exists():
        pytest.skip("not a working copy of git")
    windows = ["git", "-c", "core.autocrlf=true", "-c", "core.eol=crlf", "-c", "safe.directory=*"]
    index = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    for command in (["read-tree", "HEAD"], ["checkout-index", "--all", f"--prefix={tmp_path}/copy/"]):
        subprocess.run([*windows, *command], cwd=root, env=os.environ | index, check=True)
    files = [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]

    assert len(files) > 400
    assert [path.name for path in files if path.suffix not in BINARY and b"\r\n" in path.read_bytes()] == []
