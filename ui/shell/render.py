"""HTML that several sections share.

HTML is made by Markup("...").format(...), Markup + text and Markup().join(...) alone: each of them escapes whatever is
no Markup itself, and mypy shows where a plain str stands for HTML.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from markupsafe import Markup

from services.common.contract.model import FieldSpec
from ui.shell.formats import Numbers
from ui.shell.texts import Texts
from ui.watch import Observation

MERCHANT_PREFIX = "fraud_"
"""Every merchant's name in the competition's data has it, honest ones too; shown, it would mislead."""

MISSING = "—"
"""Stands for a field that was missing in the message or has not arrived yet."""

MASK = "•••"
"""Stands for the rest of a customer's name."""

_TD_END = Markup("</td>")

Head = tuple[str, str]
"""A column's text, and its class."""


COLUMN_CLASSES = {"time": "time", "amount": "number", "category": "text", "merchant": "merchant", "state": "text side"}
"""Role -> class of its column, in the order shown."""


def header(texts: Texts) -> Markup:
    """Return the head of the page."""
    return Markup('<header><nav><a href="{}">{}</a></nav><h1>{}</h1><p>{}</p></header>').format(
        texts.other_language_path, texts.other_language, texts.title, texts.lead
    )


def css_words(**words: str) -> Markup:
    """Return the style element that passes words to a stylesheet, each as the property of its name."""
    properties = (Markup("--{}: '{}';").format(name.replace("_", "-"), _css_text(text)) for name, text in words.items())
    return Markup("<style>:root {{ {} }}</style>").format(Markup(" ").join(properties))


def section_head(title: str, *sentences: str) -> Markup:
    """Return a section's heading with sentences below it."""
    return Markup("<h2>{}</h2>{}").format(title, Markup().join(map(hint, sentences)))


def subheading(title: str) -> Markup:
    """Return the heading of a part of a section."""
    return Markup("<h3>{}</h3>").format(title)


def hint(sentence: str) -> Markup:
    """Return a sentence in small grey type."""
    return Markup('<p class="hint">{}</p>').format(sentence)


def notice(sentence: str, kind: str = "info") -> Markup:
    """Return a boxed sentence; `kind` is info, warning or done."""
    return Markup('<p class="notice {}" role="status">{}</p>').format(kind, sentence)


def unread(seen: Observation[Any], unavailable: str, unavailable_since: str, texts: Texts) -> Markup:
    """Return why the last attempt to read failed, an outage or an error; empty if it succeeded."""
    if seen.fresh or not seen.tried:
        return Markup()
    failed = (texts.reading_failed, texts.reading_failed_since)
    first, since = failed if seen.failed else (unavailable, unavailable_since)
    return notice(first if seen.value is None else since, "warning")


def progress(sentence: str, beside: str, share: float | None) -> Markup:
    """Return a progress bar at `share` (0 to 1), indeterminate for None, with a sentence above it."""
    value = Markup() if share is None else Markup(' value="{:.4f}"').format(min(1.0, share))
    return Markup(
        '<div class="progress" role="status"><p><span>{sentence}</span><span>{beside}</span></p>'
        '<progress max="1"{value} aria-label="{sentence}"></progress></div>'
    ).format(sentence=sentence, beside=beside, value=value)


def links(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Return download links from pairs of path and text."""
    anchors = (Markup('<a href="{}" download>{}</a>').format(path, text) for path, text in pairs)
    return Markup('<p class="links">{}</p>').format(Markup().join(anchors))


def case_button(transaction_id: str, label: str) -> Markup:
    """Return a button that opens a transaction's case, wherever on the page it stands; see ui/review/tab.py."""
    return Markup('<button type="button" class="open-case" data-case="{}">{}</button>').format(transaction_id, label)


def table(
    heads: Iterable[Head], rows: Iterable[Iterable[str]], name: str, *, kind: str = "", captioned: bool = True
) -> Markup:
    """Return a table from heads (text, class of the column) and rows of cells, each plain text or Markup.

    Its name is its caption; one that is not `captioned`, such as below a heading of the same words, is only read out.
    Kinds: a `long` one scrolls in itself. On a narrow screen page.css turns each row into a card, which takes its
    labels from data-label; a card of `transactions` has none, its cells are known by their class. A `grid` stays one.
    """
    heads = tuple(heads)
    head = Markup().join(Markup('<th scope="col" class="{}">{}</th>').format(kind, text) for text, kind in heads)
    opened = [Markup('<td class="{}" data-label="{}">').format(kind, text) for text, kind in heads]
    cells = (Markup().join(td + cell + _TD_END for td, cell in zip(opened, row, strict=True)) for row in rows)
    body = Markup().join(Markup("<tr>{}</tr>").format(row) for row in cells)
    return Markup(
        '<div class="sheet {kind}" role="region" aria-label="{name}" tabindex="0"><table{label}>{caption}'
        "<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    ).format(
        kind=kind,
        name=name,
        label="" if captioned else Markup(' aria-label="{}"').format(name),
        caption=Markup("<caption>{}</caption>").format(name) if captioned else "",
        head=head,
        body=body,
    )


def transaction_heads(texts: Texts, *, without: Collection[str] = ()) -> tuple[Head, ...]:
    """Return the heads of the columns of transaction_cells()."""
    return tuple(
        (texts.columns[role], kind)
        for role, kind in COLUMN_CLASSES.items()
        if role in texts.columns and role not in without
    )


def transaction_cells(
    row: object, texts: Texts, *, names: bool = False, without: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the cells that every table of transactions has, those of COLUMN_CLASSES that the contract has.

    Args:
        row: a transaction: it has an attribute for each role.
        texts: of the page.
        names: whether to show personal values.
        without: roles to leave out, which the row need not have.
    """
    return tuple(
        role_text(role, row, texts, names=names)
        for role in COLUMN_CLASSES
        if role in texts.columns and role not in without
    )


def role_text(role: str, row: object, texts: Texts, *, names: bool = False) -> str:
    """Return the value of a role as it is shown."""
    value: Any = getattr(row, "event_time" if role == "time" else role)
    if not value and value != 0:
        return MISSING
    if role in texts.personal and not names:
        return MASK
    if role == "time":
        return texts.numbers.date_time(value)
    if role == "amount":
        return texts.numbers.decimal(value, 2)
    return merchant_name(value) if role == "merchant" else str(value)


def merchant_name(merchant: str | None) -> str:
    """Return a merchant's name as it is shown."""
    return (merchant or MISSING).removeprefix(MERCHANT_PREFIX)


def customer_name(customer: str | None, key: Sequence[FieldSpec], *further: str | None, names: bool) -> str:
    """Return a customer's names and the rest of the key, followed by further parts; personal ones masked.

    Of a masked name the initial is left. Other personal parts are left out, unless nothing else is left of the key.

    Args:
        customer: the key, its parts joined by |.
        key: the fields of the key.
        further: shown with `names` only.
        names: whether to show personal values.
    """
    if customer is None:
        return MISSING
    parts = [*zip(key, customer.split("|", max(len(key) - 1, 0)), strict=False)]
    if names or not parts:
        person = " ".join(part for spec, part in parts if spec.type == "name").strip()
        others = [part for spec, part in parts if spec.type != "name"] if parts else [customer if names else MASK]
        return ", ".join(part for part in (person, *others, *(further if names else ())) if part)
    person = " ".join(f"{part[:1]}{MASK}" if spec.personal else part for spec, part in parts if spec.type == "name")
    others = [part for spec, part in parts if spec.type != "name" and not spec.personal]
    return ", ".join(part for part in (person, *others) if part) or MASK


def score_cell(score: float, numbers: Numbers) -> Markup:
    """Return a score with its bar."""
    return Markup('{}<i style="--share:{:.3f}"></i>').format(numbers.decimal(score, 3), score)


def _css_text(text: str) -> str:
    """Return text for a CSS string; nothing is left that HTML would escape: a style element's text is not unescaped."""
    return re.sub(r"""[\\&<>'"]""", lambda found: f"\\{ord(found[0]):x} ", text)
