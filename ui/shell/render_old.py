"""HTML as plain text, for the sections that do not yet make it by Markup; goes with the last of them."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from ui.shell.texts import Texts
from ui.watch import Observation

MERCHANT_PREFIX = "fraud_"
"""Every merchant's name in this format begins with it, honest ones too: shown, it would only frighten."""


def css_words(**words: str) -> str:
    """Return the style element that hands words to a stylesheet, each as the property of its name."""
    properties = " ".join(f"--{name.replace('_', '-')}: '{_css_text(text)}';" for name, text in words.items())
    return f"<style>:root {{ {properties} }}</style>"


def section_head(title: str, *sentences: str) -> str:
    """Return a section's heading with the sentences under it."""
    return f"<h2>{escape(title)}</h2>" + "".join(hint(sentence) for sentence in sentences)


def hint(sentence: str) -> str:
    """Return a sentence in small grey letters."""
    return f'<p class="hint">{escape(sentence)}</p>'


def notice(sentence: str, kind: str = "info") -> str:
    """Return a boxed sentence; `kind` is info, warning or done."""
    return f'<p class="notice {kind}" role="status">{escape(sentence)}</p>'


def unread(seen: Observation[Any], unavailable: str, unavailable_since: str, texts: Texts) -> str:
    """Return why the last attempt to read brought nothing, an outage or an error; nothing if it did bring something."""
    if seen.fresh or not seen.tried:
        return ""
    failed = (texts.reading_failed, texts.reading_failed_since)
    first, since = failed if seen.failed else (unavailable, unavailable_since)
    return notice(first if seen.value is None else since, "warning")


def progress(sentence: str, beside: str, share: float | None) -> str:
    """Return a bar filled to `share` (0 to 1), or one that only moves if the end is not known, under its sentence."""
    value = "" if share is None else f' value="{min(1.0, share):.4f}"'
    return (
        f'<div class="progress" role="status"><p><span>{escape(sentence)}</span><span>{escape(beside)}</span></p>'
        f'<progress max="1"{value} aria-label="{escape(sentence)}"></progress></div>'
    )


def case_button(transaction_id: str, label: str) -> str:
    """Return a button that opens a payment's case, wherever on the page it stands; see case_tab.py."""
    return f'<button type="button" class="open-case" data-case="{escape(transaction_id)}">{escape(label)}</button>'


def table(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], caption: str, *, kind: str = "") -> str:
    """Return a table from heads (text, class of the column) and rows of HTML cells.

    Kinds: a `long` one scrolls in itself. On a narrow screen page.css turns each row into a card, which takes its
    labels from data-label; a card of `payments` does without, its cells are known by their class. A `grid` stays one.
    """
    head = "".join(f'<th scope="col" class="{kind}">{escape(text)}</th>' for text, kind in heads)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{kind}" data-label="{escape(text)}">{cell}</td>'
            for (text, kind), cell in zip(heads, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="sheet {kind}" role="region" aria-label="{escape(caption)}" tabindex="0">'
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _css_text(text: str) -> str:
    """Return text for a single-quoted CSS string."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
