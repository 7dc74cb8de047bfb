"""Secrets that stand in files: where NAME is a secret, NAME_FILE names a file that holds it. Knows no service."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.common.errors import Stop

SUFFIX = "_FILE"


def secret(name: str, environment: Mapping[str, str]) -> str | None:
    """Return the secret of a variable, or of the file that NAME_FILE names; None without both.

    The last line end of a file and a byte-order mark before it are no part of the secret.

    Raises:
        Stop: both are set, or the file cannot be read or is empty; tells the variable and the path, never the secret.
    """
    value, path = environment.get(name), environment.get(name + SUFFIX)
    if not path:
        return value or None
    if value:
        raise Stop(f"{name} and {name}{SUFFIX} are both set: leave one of them out")
    try:
        held = Path(path).read_text(encoding="utf-8-sig").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(f"{name}{SUFFIX}: {path} cannot be read: {type(error).__name__}") from None
    if not held:
        raise Stop(f"{name}{SUFFIX}: {path} is empty")
    return held


def database_login() -> dict[str, Any]:
    """Return what libpq does not read by itself, as arguments of psycopg.connect(): the password of PGPASSWORD_FILE.

    Raises:
        Stop: the file cannot be read.
    """
    held = secret("PGPASSWORD", os.environ) if os.environ.get("PGPASSWORD_FILE") else None
    return {"password": held} if held else {}
