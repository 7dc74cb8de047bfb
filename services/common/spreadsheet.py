"""Texts in files that people open in a spreadsheet."""

_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Spreadsheets read a cell that begins like this as a formula (OWASP, CSV Injection), full-width forms too."""


def safe_text(text: str | None) -> str:
    """Return a text that no spreadsheet reads as a formula: an apostrophe precedes anything that may be one."""
    return "'" + text if text and text.lstrip(" \u00a0").startswith(_FORMULA_BEGINS) else text or ""
