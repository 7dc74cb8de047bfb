"""`python -m db.passwords FOLDER...`: put a random password into each folder that has none. Never shown or changed."""

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

FILE = "password"


def main(arguments: Sequence[str]) -> int:
    """Make the passwords; return the exit code."""
    for folder in map(Path, arguments):
        if make_password(folder):
            print(f"made {folder / FILE}")
    return 0


def make_password(folder: Path) -> bool:
    """Write a password into a folder unless it has one, atomically. Return whether it was written.

    Whoever can open the folder can read the file: containers read it as other users than the one that wrote it.
    """
    if (folder / FILE).exists():
        return False
    draft = folder / f"{FILE}.new"
    draft.write_text(secrets.token_urlsafe(24) + "\n", encoding="utf-8")
    draft.chmod(0o444)
    draft.replace(folder / FILE)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
