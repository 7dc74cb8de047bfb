"""Writes what a JVM reads, in its own encoding and escapes. Knows nothing of what it is for."""

from collections.abc import Iterable, Mapping

ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}


def to_properties(values: Mapping[str, str]) -> bytes:
    """Return a file of properties: ISO 8859-1 with backslashes, as java.util.Properties.load() reads it.

    Other letters are written as their units of UTF-16, in hex.
    """
    lines = (f"{_escaped(name, ' =:#!')}={_escaped(value, '')}\n" for name, value in values.items())
    return "".join(lines).encode("ascii")


def to_argument_file(arguments: Iterable[str]) -> bytes:
    """Return a file for `java @file`: an argument a line, in quotes, as "java Command-Line Argument Files" has it."""
    return "".join(f'"{_quoted(argument)}"\n' for argument in arguments).encode()


def _quoted(argument: str) -> str:
    return argument.replace("\\", "\\\\").replace('"', '\\"')


def _escaped(text: str, special: str) -> str:
    """Return a name or value; a blank at its beginning would be taken for space around it."""
    escaped = "".join(_unit(char, special) for char in text)
    return f"\\{escaped}" if escaped.startswith(" ") else escaped


def _unit(char: str, special: str) -> str:
    if char in special:
        return f"\\{char}"
    if char in ESCAPES or (char.isascii() and char.isprintable()):
        return ESCAPES.get(char, char)
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
