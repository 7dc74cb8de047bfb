"""HTML of the tab: the steps of an upload, and the results."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from services.sender.report import FileReport, Refusal, Repair
from ui.check.steps import Cancelled, Obstacle, Queued, Reading, Refused, Sending, Sent, Step
from ui.database import Flagged, Results, Snapshot, Totals
from ui.shell.charts import ChartTexts
from ui.shell.formats import local_clock
from ui.shell.render import (
    MISSING,
    case_button,
    hint,
    notice,
    progress,
    score_cell,
    table,
    transaction_cells,
    transaction_heads,
)
from ui.shell.texts import Forms, Texts
from ui.threshold.models import ScoringModel

SHOWN_REFUSALS = 100

OF_THE_FILE = frozenset(
    {
        Repair.UNPACKED,
        Repair.UTF16,
        Repair.BOM,
        Repair.SEP_LINE,
        Repair.SEPARATOR_SEMICOLON,
        Repair.SEPARATOR_TAB,
        Repair.SEPARATOR_OTHER,
        Repair.HEADER_NAMES,
        Repair.COLUMNS_REORDERED,
    }
)
OF_COLUMNS = frozenset({Repair.COLUMN_MISSING, Repair.COLUMN_IGNORED, Repair.TARGET_DROPPED})


def headline(step: Step, texts: Texts) -> Markup:
    """Return what a step of an upload comes down to: a bar while it runs, then a sentence."""
    numbers = texts.numbers
    match step:
        case Queued():
            counted = numbers.counted(step.ahead, texts.upload_forms)
            return progress(texts.waiting.format(uploads_counted=counted), "", None)
        case Reading():
            counted = numbers.counted(step.rows, texts.row_forms)
            return progress(texts.reading_rows.format(rows_counted=counted) if step.rows else texts.reading, "", None)
        case Cancelled():
            return notice(texts.cancelled_early, "warning")
        case Sending():
            return _sending(step, texts)
        case Refused():
            return notice(_file_refusal(step, texts), "warning")
        case Sent():
            return _summary(step, texts) + _below(step, texts)


def _below(sent: Sent, texts: Texts) -> Markup:
    """Return what else is to be said of rows that were sent: that they may be sent again, or are not in the journal."""
    if not sent.sent:
        return Markup()
    return hint(texts.twice) + (Markup() if sent.upload_id else hint(texts.not_recorded))


def details(step: Step, texts: Texts) -> Markup:
    """Return the report of a finished upload: its figures, what was repaired, what was refused and why."""
    if not isinstance(step, Sent):
        return Markup()
    found = step.report
    parts = [_tiles(step, texts)]
    if found.repaired:
        parts.append(_repairs(found, texts))
    if found.unknown:
        parts.append(_unknown(found, texts))
    if found.refused:
        parts.append(_refusals(found, texts))
    return Markup().join(parts)


def scored_so_far(scored: int, sent: int, texts: Texts) -> Markup:
    """Return how many of the sent rows have a score: a bar, or a sentence once all have."""
    if scored == sent:
        return notice(texts.scored_all.format(sent=texts.numbers.whole(sent)), "done")
    return progress(_scored(texts.scored_so_far, scored, sent, texts), "", scored / sent)


def scored_slowly(scored: int, sent: int, texts: Texts) -> Markup:
    """Return the sentence for when scores stopped arriving before the last row."""
    return notice(_scored(texts.scored_slowly, scored, sent, texts), "warning")


def _scored(sentence: str, scored: int, sent: int, texts: Texts) -> str:
    numbers = texts.numbers
    return sentence.format(scored=numbers.whole(scored), sent_counted=numbers.counted(sent, texts.of_sent_row_forms))


def _sending(step: Sending, texts: Texts) -> Markup:
    """Return the bar of an upload under way."""
    numbers = texts.numbers
    rate = round(step.sent / step.seconds) if step.seconds else 0
    return progress(
        texts.sending.format(
            sent=numbers.whole(step.sent), rows_counted=numbers.counted(step.rows, texts.of_row_forms)
        ),
        texts.sending_rate.format(rate_counted=numbers.counted(rate, texts.row_forms)) if rate else "",
        step.sent / step.rows,
    )


def _summary(sent: Sent, texts: Texts) -> Markup:
    """Return the sentence that sums the upload up."""
    numbers = texts.numbers
    if not sent.report.ready:
        return notice(texts.sent_none, "warning")
    if sent.obstacle:
        sentence = {
            Obstacle.AWAY: texts.kafka_away,
            Obstacle.REFUSES: texts.kafka_refuses,
            Obstacle.CANCELLED: texts.cancelled,
            Obstacle.STOPPED: texts.interrupted,
        }[sent.obstacle]
        rows = numbers.counted(sent.report.ready, texts.of_row_forms)
        return notice(sentence.format(sent=numbers.whole(sent.sent), rows_counted=rows), "warning")
    rate = round(sent.sent / max(sent.seconds, 0.001))
    sentence = texts.sent.format(
        sent_counted=numbers.counted(sent.sent, texts.row_forms),
        seconds=numbers.decimal(sent.seconds, 1),
        rate_counted=numbers.counted(rate, texts.row_forms),
    )
    return notice(sentence, "done")


def _tiles(sent: Sent, texts: Texts) -> Markup:
    """Return the four figures of the upload, side by side."""
    found, numbers = sent.report, texts.numbers
    tiles = (
        (found.rows, texts.read_tile),
        (sent.sent, texts.sent_tile),
        (sum(found.repaired.values()), texts.repaired_tile),
        (found.refused_total, texts.refused_tile),
    )
    cell = Markup("<div><dt>{}</dt><dd>{}</dd></div>")
    cells = Markup().join(cell.format(name, numbers.whole(figure)) for figure, name in tiles)
    return Markup('<dl class="{}">{}</dl>').format("tiles refusals" if found.refused_total else "tiles", cells)


def _repairs(found: FileReport, texts: Texts) -> Markup:
    """Return the list of repairs: what holds for the whole file first, then columns, then rows by frequency."""
    by_count = sorted(found.repaired.items(), key=lambda item: (_unit(item[0], texts) is not None, item[1]))
    columns = {Repair.COLUMN_MISSING: found.missing_columns, Repair.COLUMN_IGNORED: found.ignored_columns}
    return _list(
        texts.repaired_heading, (_repair(kind, count, columns.get(kind, ()), texts) for kind, count in by_count)
    )


def _list(heading: str, items: Iterable[str]) -> Markup:
    listed = Markup().join(map(Markup("<li>{}</li>").format, items))
    return Markup('<h3>{}</h3><ul class="plain">{}</ul>').format(heading, listed)


def _repair(kind: Repair, count: int, names: Sequence[str], texts: Texts) -> str:
    """Return a repair in words, with the number of rows or columns it was made in and the names of the columns."""
    unit = _unit(kind, texts)
    counted = f": {texts.numbers.counted(count, unit)}" if unit else ""
    return texts.repairs[kind] + counted + (f" ({', '.join(names)})" if names else "")


def _unit(kind: Repair, texts: Texts) -> Forms | None:
    """Return what a kind of repair is counted in; None for one that is made once a file."""
    if kind in OF_THE_FILE:
        return None
    return texts.column_forms if kind in OF_COLUMNS else texts.row_forms


def _unknown(found: FileReport, texts: Texts) -> Markup:
    """Return the list of categories and genders that nobody knows."""
    numbers = texts.numbers
    items = (
        texts.unknown_value.format(
            field=value.field,
            value=value.value,
            rows_counted=numbers.counted(value.rows, texts.row_forms),
            line=numbers.whole(value.line),
        )
        for value in found.unknown
    )
    return _list(texts.unknown_heading, items) + hint(texts.unknown_hint)


def _refusals(found: FileReport, texts: Texts) -> Markup:
    """Return the table of refused lines, the first hundred."""
    shown = found.refused[:SHOWN_REFUSALS]
    heads = ((texts.refused_line, "line"), (texts.refused_field, "code"), (texts.refused_reason, "text"))
    rows = (_refusal_cells(refusal, texts) for refusal in shown)
    return table(heads, rows, texts.refused_heading, kind="long") + _how_many_shown(
        sum(refusal.rows for refusal in shown), found.refused_total, texts
    )


def _refusal_cells(refusal: Refusal, texts: Texts) -> tuple[str, str, str]:
    """Return the cells of one refused line; the sender's own words are a tooltip, they name the value's fault."""
    numbers = texts.numbers
    alike = texts.refused_alike.format(rows_counted=numbers.counted(refusal.rows, texts.row_forms))
    more = "; ".join(filter(None, (refusal.value, alike if refusal.rows > 1 else "")))
    reported = texts.row_refusals[refusal.reason] + (f" ({more})" if more else "")
    reason = Markup('<span title="{}">{}</span>').format(refusal.message, reported)
    return texts.numbers.whole(refusal.line), refusal.field or MISSING, reason


def _how_many_shown(shown: int, refused: int, texts: Texts) -> Markup:
    """Return the sentence that the table is only the beginning, if it is."""
    if shown == refused:
        return Markup()
    return hint(texts.refused_first.format(shown=texts.numbers.whole(shown), refused=texts.numbers.whole(refused)))


def _file_refusal(step: Refused, texts: Texts) -> str:
    """Return the sentence on a file that cannot be used at all; some name columns, which end the sender's sentence."""
    return texts.file_refusals[step.code].format(names=step.detail.rpartition(": ")[2])


def flagged_table(flagged: Sequence[Flagged], texts: Texts) -> Markup:
    """Return the table of flagged transactions, the latest first, or the sentence that there are none."""
    if not flagged:
        return notice(texts.no_flagged)
    heads = (
        *transaction_heads(texts),
        (texts.column_score, "score"),
        (texts.column_earlier, "past side"),
        (texts.column_id, "id"),
    )
    rows = (_flagged_cells(row, texts) for row in flagged)
    return table(heads, rows, texts.flagged_heading, kind="payments") + hint(texts.earlier_hint)


def totals(snapshot: Snapshot, model: ScoringModel | None, texts: Texts, utc_offset_minutes: int) -> Markup:
    """Return the line of totals, if there is any score, and the line of when and by which model."""
    numbers = texts.numbers
    small = texts.refreshed.format(time=local_clock(snapshot.read_at, utc_offset_minutes))
    if model is not None:
        small += " · " + texts.model.format(version=model.version, threshold=numbers.decimal(model.threshold, 2))
    return _counts(snapshot.totals, texts) + hint(small)


def _counts(found: Totals, texts: Texts) -> Markup:
    """Return the line of totals, or nothing while nothing is scored."""
    if not found.scored:
        return Markup()
    numbers = texts.numbers
    scored = numbers.counted(found.scored, texts.transaction_forms)
    line = texts.totals.format(
        scored_counted=scored if found.exact else texts.about.format(number=scored),
        flagged=numbers.whole(found.flagged),
        share=numbers.percent(found.flagged / found.scored),
    )
    return Markup('<p class="totals">{}</p>').format(line)


def results_head(answer: Results, model: ScoringModel | None, texts: Texts, utc_offset_minutes: int) -> Markup:
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
    """Return the cells of one flagged transaction."""
    return (
        *transaction_cells(row, texts.numbers),
        score_cell(row.score, texts.numbers),
        _earlier(row.earlier, texts),
        case_button(row.transaction_id, row.transaction_id),
    )


def _earlier(earlier: int | None, texts: Texts) -> str:
    """Return in words how much of the customer's past was known."""
    if earlier is None:
        return texts.earlier_unknown
    return texts.numbers.counted(earlier, texts.payment_forms) if earlier else texts.earlier_none
