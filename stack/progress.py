"""How far a long step is, for a person who waits."""

import sys
from typing import TextIO

ERASE_TO_END_OF_LINE = "\033[K"
"""ECMA-48, "EL"."""


class Progress:
    """One line that is written over on a terminal; elsewhere, such as in a file, nothing."""

    def __init__(self, total: int, output: TextIO | None = None) -> None:
        self._total = total
        self._output = output or sys.stdout

    def show(self, done: int, what: str = "") -> None:
        """Show that `done` of the total are done, and what is being done now."""
        self._write(f"  {done} of {self._total}  {what}".rstrip())

    def clear(self) -> None:
        """Leave an empty line behind."""
        self._write("")

    def _write(self, text: str) -> None:
        if self._output.isatty():
            self._output.write(f"\r{text}{ERASE_TO_END_OF_LINE}" if text else f"\r{ERASE_TO_END_OF_LINE}")
            self._output.flush()
