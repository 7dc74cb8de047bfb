"""Turns results into HTML. Pure; everything that came from outside is escaped. Knows no Gradio."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from ui.database import Flagged, Results, Snapshot, Totals
from ui.shell.charts import ChartTexts
from ui.shell.formats import local_clock
from ui.shell.texts import Texts
from ui.threshold.models import ScoringModel
from ui.watch import Observation

MERCHANT_PREFIX = "fraud_"
"""Every merchant's name in this format begins with it, honest ones too: shown, it would only frighten."""

_MISSING = "—"


def header(texts: Texts) -> str:
    """Return the head of the page; the words of the drop zone travel to page.css as a property."""
    return (
        f"{css_words(drop_here=texts.drop_here)}"
        f'<header><nav><a href="{texts.other_language_path}">{escape(texts.other_language)}</a></nav>'
        f"<h1>{escape(texts.title)}</h1><p>{escape(texts.lead)}</p></header>"
    )


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


def links(pairs: Iterable[tuple[str, str]]) -> str:
    """Return download links from pairs of path and text."""
    anchors = (f'<a href="{escape(path)}" download>{escape(text)}</a>' for path, text in pairs)
    return f'<p class="links">{"".join(anchors)}</p>'


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


def flagged_table(flagged: Sequence[Flagged], texts: Texts) -> str:
    """Return the table of flagged transactions, the latest first, or the sentence that there are none."""
    if not flagged:
        return notice(texts.no_flagged)
    heads = (
        (texts.column_time, "time"),
        (texts.column_amount, "number"),
        (texts.column_category, "text"),
        (texts.column_merchant, "merchant"),
        (texts.column_state, "text side"),
        (texts.column_score, "score"),
        (texts.column_earlier, "past side"),
        (texts.column_id, "id"),
    )
    rows = (_flagged_cells(row, texts) for row in flagged)
    return table(heads, rows, texts.flagged_heading, kind="payments") + hint(texts.earlier_hint)


def totals(snapshot: Snapshot, model: ScoringModel | None, texts: Texts, utc_offset_minutes: int) -> str:
    """Return the line of totals, if there is any score, and the line of when and by which model."""
    numbers = texts.numbers
    small = texts.refreshed.format(time=local_clock(snapshot.read_at, utc_offset_minutes))
    if model is not None:
        small += " · " + texts.model.format(version=model.version, threshold=numbers.decimal(model.threshold, 2))
    return _counts(snapshot.totals, texts) + hint(small)


def _counts(found: Totals, texts: Texts) -> str:
    """Return the line of totals, or nothing while nothing is scored."""
    if not found.scored:
        return ""
    numbers = texts.numbers
    scored = numbers.counted(found.scored, texts.transaction_forms)
    line = texts.totals.format(
        scored_counted=scored if found.exact else texts.about.format(number=scored),
        flagged=numbers.whole(found.flagged),
        share=numbers.percent(found.flagged / found.scored),
    )
    return f'<p class="totals">{escape(line)}</p>'


def results_head(answer: Results, model: ScoringModel | None, texts: Texts, utc_offset_minutes: int) -> str:
    """Return what stands over the results: totals, and in an outage a sentence saying how old they are."""
    if answer.snapshot is None:
        return notice(texts.database_away, "warning")
    head = totals(answer.snapshot, model, texts, utc_offset_minutes)
    if answer.fresh:
        return head
    since = local_clock(answer.snapshot.read_at, utc_offset_minutes, "%H:%M")
    return notice(texts.database_away_since.format(time=since), "warning") + head


def chart_texts(scores: int, threshold: float | None, texts: Texts) -> ChartTexts:
    """Return the words of the histogram of so many scores."""
    numbers = texts.numbers
    shown = "" if threshold is None else numbers.decimal(threshold, 2)
    return ChartTexts(
        title=texts.chart_title.format(transactions_counted=numbers.counted(scores, texts.last_transaction_forms)),
        threshold=texts.chart_threshold.format(threshold=shown),
        x_title=texts.chart_x,
        y_title=texts.chart_y,
        below=texts.chart_below,
        above=texts.chart_above,
        bin=texts.chart_bin,
        decimal_mark=numbers.decimal_mark,
        thousands_mark=numbers.thousands_mark,
        percent_gap=numbers.percent_gap,
    )


def _flagged_cells(row: Flagged, texts: Texts) -> tuple[str, ...]:
    """Return the HTML cells of one flagged transaction."""
    numbers = texts.numbers
    score = numbers.decimal(row.score, 3)
    return (
        _MISSING if row.event_time is None else escape(numbers.date_time(row.event_time)),
        _MISSING if row.amount is None else numbers.decimal(row.amount, 2),
        escape(row.category or _MISSING),
        escape((row.merchant or _MISSING).removeprefix(MERCHANT_PREFIX)),
        escape(row.state or _MISSING),
        f'{score}<i style="--share:{row.score:.3f}"></i>',
        escape(_earlier(row.earlier, texts)),
        case_button(row.transaction_id, row.transaction_id),
    )


def _earlier(earlier: int | None, texts: Texts) -> str:
    """Return in words how much of the customer's past was known."""
    if earlier is None:
        return texts.earlier_unknown
    return texts.numbers.counted(earlier, texts.payment_forms) if earlier else texts.earlier_none


def _css_text(text: str) -> str:
    """Return text for a single-quoted CSS string."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
