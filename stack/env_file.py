"""Reads `.env`, for the settings of the stack only. Errors name the number of a line, never its text."""

import codecs
import io
import re
from pathlib import Path

from dotenv import load_dotenv
from dotenv.parser import Binding, parse_stream

from services.common.errors import Stop

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""Byte-order marks of files written by PowerShell's `>` or Notepad's "Unicode"."""


def load_env_file(path: Path) -> list[int]:
    """Add the variables of a file, if it exists, to the environment, whose own variables take precedence.

    UTF-8 or UTF-16 with or without a byte-order mark, any line ends, `export`, quotes, comments.

    Returns:
        The numbers of the lines that are no NAME=value; they do not count.

    Raises:
        Stop: the file cannot be read.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Stop(f"{path} cannot be read: {error.strerror}") from error
    encoding = "utf-16" if raw.startswith(WIDE) else "utf-8-sig"
    bindings = list(parse_stream(io.StringIO(raw.decode(encoding, "surrogateescape"), newline="")))
    load_dotenv(stream=io.StringIO("".join(one.original.string for one in bindings if _is_fit(one)), newline=""))
    return [_line(one) for one in bindings if not _is_fit(one)]


def check_lines(path: Path, wrong: list[int]) -> None:
    """Raise Stop if lines of a file are wrong, as load_env_file() gives them."""
    if wrong:
        lines = f"line {wrong[0]} is" if len(wrong) == 1 else f"lines {', '.join(map(str, wrong))} are"
        raise Stop(f"{path}: {lines} not NAME=value in UTF-8; correct it, or begin it with #")


def _is_fit(binding: Binding) -> bool:
    """Return whether a statement sets a variable, or is blank or a comment (of whatever bytes)."""
    if binding.error or binding.key is None:
        return not binding.error
    text = binding.key + (binding.value or "")
    undecoded = any(char == "\0" or "\udc80" <= char <= "\udcff" for char in text)
    return binding.value is not None and NAME.fullmatch(binding.key) is not None and not undecoded


def _line(binding: Binding) -> int:
    """Return the line on which a statement begins: the parser counts from the blank lines before it."""
    text = binding.original.string
    blank = text[: len(text) - len(text.lstrip())]
    return binding.original.line + len(re.findall(r"\r\n|\n|\r", blank))
