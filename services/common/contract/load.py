"""Reads a contract file and the look-up tables beside it."""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.common.contract.model import CONTRACT_NAME, Contract, LookupTable
from services.common.errors import Stop


def read_contract(folder: Path) -> Contract:
    """Return the contract of a model folder.

    Raises:
        Stop: it is missing, or breaks the grammar; the message is one line that names the place.
    """
    path = folder / CONTRACT_NAME
    content = _read(path)
    try:
        found = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Stop(f"{path}: {error}") from error
    files = {name: _read(folder / name) for name in sorted(set(_files(found)))}
    tables = {name: _table(folder / name, text) for name, text in files.items()}
    digest = hashlib.sha256(b"\0".join([content, *files.values()])).hexdigest()
    return to_contract(found | {"tables": tables, "sha256": digest}, str(path))


def to_contract(found: Mapping[str, Any], place: str = CONTRACT_NAME) -> Contract:
    """Return the contract of a parsed file.

    Raises:
        Stop: it breaks the grammar.
    """
    try:
        return Contract.model_validate(found)
    except ValidationError as error:
        raise Stop(f"{place}: {_in_one_line(error)}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Stop(f"{path} cannot be read: {error.strerror}") from error


def _table(path: Path, content: bytes) -> LookupTable:
    try:
        return LookupTable.model_validate_json(content)
    except ValidationError as error:
        raise Stop(f"{path}: {_in_one_line(error)}") from error


def _files(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the files that operations name."""
    for section in ("derived", "features"):
        operations = found.get(section)
        for operation in operations.values() if isinstance(operations, dict) else ():
            if isinstance(operation, dict) and isinstance(name := operation.get("file"), str):
                if Path(name).name != name:
                    raise Stop(f"{section}: {name} must be the name of a file beside the contract")
                yield name


def _in_one_line(error: ValidationError) -> str:
    """Return the first of pydantic's errors, with its place: fields.amount.max: ..."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
