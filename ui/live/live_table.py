"""The live view's list of flagged transactions as HTML; who pays is masked until asked for. Pure; knows no Gradio."""

from collections.abc import Sequence
from html import escape

from ui.live.queries import Row
from ui.live.texts import LiveTexts
from ui.shell.formats import local_clock
from ui.shell.render import MERCHANT_PREFIX, case_button, hint, notice, table
from ui.shell.texts import Texts

SHOWN = 50
MASK = "•••"

_MISSING = "—"


def flagged_table(
    found: Sequence[Row], seen: int, texts: Texts, words: LiveTexts, utc_offset_minutes: int, *, names: bool
) -> str:
    """Return the table of flagged transactions that fit the filters, out of `seen`; without `names` they are masked."""
    numbers = texts.numbers
    if not seen:
        return notice(words.flagged_none)
    if not found:
        return notice(words.flagged_none_of.format(seen_counted=numbers.counted(seen, texts.last_transaction_forms)))
    heads = (
        (words.column_scored, "time scored"),
        (texts.column_time, "time"),
        (texts.column_amount, "number"),
        (texts.column_category, "text"),
        (texts.column_merchant, "merchant"),
        (texts.column_state, "text side"),
        (words.column_customer, "customer side"),
        (texts.column_score, "score"),
        (texts.column_id, "id"),
    )
    rows = [_cells(row, texts, utc_offset_minutes, names=names) for row in found[:SHOWN]]
    below = []
    if len(found) < seen:
        below.append(words.flagged_fit.format(found=numbers.whole(len(found)), seen=numbers.whole(seen)))
    if len(rows) < len(found):
        below.append(words.flagged_shown.format(shown=numbers.whole(len(rows))))
    listed = table(heads, rows, words.flagged_heading, kind="long payments captionless")
    return listed + (hint(" ".join(below)) if below else "")


def customer_of(row: Row, *, names: bool) -> str:
    """Return who pays and where: in full, or the initials alone."""
    if row.customer is None:
        return _MISSING
    first, last, street = [*row.customer.split("|", 2), "", ""][:3]
    if names:
        return ", ".join(part for part in (f"{first} {last}".strip(), street, row.city) if part)
    return " ".join(f"{part[:1]}{MASK}" for part in (first, last))


def _cells(row: Row, texts: Texts, utc_offset_minutes: int, *, names: bool) -> tuple[str, ...]:
    numbers = texts.numbers
    return (
        local_clock(row.scored_at, utc_offset_minutes),
        _MISSING if row.event_time is None else escape(numbers.date_time(row.event_time)),
        _MISSING if row.amount is None else numbers.decimal(row.amount, 2),
        escape(row.category or _MISSING),
        escape((row.merchant or _MISSING).removeprefix(MERCHANT_PREFIX)),
        escape(row.state or _MISSING),
        escape(customer_of(row, names=names)),
        f'{numbers.decimal(row.score, 3)}<i style="--share:{row.score:.3f}"></i>',
        case_button(row.transaction_id, row.transaction_id),
    )
