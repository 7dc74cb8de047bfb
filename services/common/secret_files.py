"""Secrets from the environment, or from files that it names."""

from collections.abc import Mapping
from pathlib import Path

from services.common.errors import Stop

SUFFIX = "_FILE"


def secret(name: str, environment: Mapping[str, str]) -> str | None:
    """Return the secret of a variable, or of the file that NAME_FILE names; None if neither is set.

    A byte-order mark and the last line end of a file are not part of the secret.

    Raises:
        Stop: both are set, or the file cannot be read or is empty; names the variable and the path, never the secret.
    """
    value, path = environment.get(name), environment.get(name + SUFFIX)
    if not path:
        return value or None
    if value:
        raise Stop(f"{name} and {name}{SUFFIX} are both set: set only one of them")
    try:
        content = Path(path).read_text(encoding="utf-8-sig").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(f"{name}{SUFFIX}: {path} cannot be read: {type(error).__name__}") from None
    if not content:
        raise Stop(f"{name}{SUFFIX}: {path} is empty")
    return content
