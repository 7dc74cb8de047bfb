"""HTML of the tab: the steps of an upload, and the results."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from services.sender.report import FileReport, Refusal, Repair
from ui.check.steps import Cancelled, Queued, ReadingFile, Refused, Sending, Sent, Step
from ui.check.texts import CheckTexts
from ui.database import Flagged, Results, Snapshot, Totals
from ui.files.journal import UploadState
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

OF_THE_FILE = {
    Repair.UNPACKED, Repair.UTF16, Repair.BOM, Repair.SEP_LINE, Repair.SEPARATOR_SEMICOLON, Repair.SEPARATOR_TAB,
    Repair.SEPARATOR_OTHER, Repair.HEADER_NAMES, Repair.COLUMNS_REORDERED,
}  # fmt: skip
OF_COLUMNS = {Repair.COLUMN_MISSING, Repair.COLUMN_IGNORED, Repair.TARGET_DROPPED}


def headline(step: Step, texts: Texts, words: CheckTexts) -> Markup:
    """Return a step of an upload: a progress bar while it runs, then a sentence."""
    numbers = texts.numbers
    match step:
        case Queued():
            counted = numbers.counted(step.ahead, words.upload_forms)
            return progress(words.waiting.format(uploads_counted=counted), "", None)
        case ReadingFile():
            counted = numbers.counted(step.rows, words.row_forms)
            return progress(words.reading_rows.format(rows_counted=counted) if step.rows else words.reading, "", None)
        case Cancelled():
            return notice(words.cancelled_early, "warning")
        case Sending():
            return _sending(step, texts, words)
        case Refused():
            return notice(_file_refusal(step, texts), "warning")
        case Sent():
            return _summary(step, texts, words) + _below(step, words)


def _below(sent: Sent, words: CheckTexts) -> Markup:
    """Return the hints on rows that were sent: they may be sent again, or are missing from the journal."""
    if not sent.sent:
        return Markup()
    return hint(words.may_resend) + (Markup() if sent.upload_id else hint(words.not_recorded))


def details(step: Step, texts: Texts, words: CheckTexts) -> Markup:
    """Return the report of a finished upload: figures, repairs, unknown values, rejected rows."""
    if not isinstance(step, Sent):
        return Markup()
    found = step.report
    parts = [_tiles(step, texts, words)]
    if found.repaired:
        parts.append(_repairs(found, texts, words))
    if found.unknown:
        parts.append(_unknown(found, texts, words))
    if found.refused:
        parts.append(_refusals(found, texts, words))
    return Markup().join(parts)


def scored_so_far(scored: int, sent: int, texts: Texts, words: CheckTexts) -> Markup:
    """Return how many of the sent rows have a score: a progress bar, or a sentence once all have."""
    if scored == sent:
        return notice(words.scored_all.format(sent=texts.numbers.whole(sent)), "done")
    return progress(_scored(words.scored_so_far, scored, sent, texts, words), "", scored / sent)


def scored_slowly(scored: int, sent: int, texts: Texts, words: CheckTexts) -> Markup:
    """Return the sentence shown when scores stopped arriving before the last row."""
    return notice(_scored(words.scored_slowly, scored, sent, texts, words), "warning")


def _scored(sentence: str, scored: int, sent: int, texts: Texts, words: CheckTexts) -> str:
    numbers = texts.numbers
    return sentence.format(scored=numbers.whole(scored), sent_counted=numbers.counted(sent, words.of_sent_row_forms))


def _sending(step: Sending, texts: Texts, words: CheckTexts) -> Markup:
    """Return the progress bar of an upload under way."""
    numbers = texts.numbers
    rate = round(step.sent / step.seconds) if step.seconds else 0
    return progress(
        words.sending.format(
            sent=numbers.whole(step.sent), rows_counted=numbers.counted(step.rows, words.of_row_forms)
        ),
        words.sending_rate.format(rate_counted=numbers.counted(rate, words.row_forms)) if rate else "",
        step.sent / step.rows,
    )


def _summary(sent: Sent, texts: Texts, words: CheckTexts) -> Markup:
    """Return the sentence that summarises the upload."""
    numbers = texts.numbers
    if not sent.report.ready:
        return notice(words.sent_none, "warning")
    stopped_early = {
        UploadState.KAFKA_UNAVAILABLE: words.kafka_unavailable,
        UploadState.KAFKA_REJECTS: words.kafka_rejects,
        UploadState.CANCELLED: words.cancelled,
        UploadState.INTERRUPTED: words.interrupted,
    }
    if sentence := stopped_early.get(sent.state):
        rows = numbers.counted(sent.report.ready, words.of_row_forms)
        return notice(sentence.format(sent=numbers.whole(sent.sent), rows_counted=rows), "warning")
    rate = round(sent.sent / max(sent.seconds, 0.001))
    sentence = words.sent.format(
        sent_counted=numbers.counted(sent.sent, words.row_forms),
        seconds=numbers.decimal(sent.seconds, 1),
        rate_counted=numbers.counted(rate, words.row_forms),
    )
    return notice(sentence, "done")


def _tiles(sent: Sent, texts: Texts, words: CheckTexts) -> Markup:
    """Return the four figures of the upload, side by side."""
    found, numbers = sent.report, texts.numbers
    tiles = (
        (found.rows, words.read_tile),
        (sent.sent, words.sent_tile),
        (sum(found.repaired.values()), words.repaired_tile),
        (found.refused_total, words.refused_tile),
    )
    cell = Markup("<div><dt>{}</dt><dd>{}</dd></div>")
    cells = Markup().join(cell.format(name, numbers.whole(figure)) for figure, name in tiles)
    return Markup('<dl class="{}">{}</dl>').format("tiles refusals" if found.refused_total else "tiles", cells)


def _repairs(found: FileReport, texts: Texts, words: CheckTexts) -> Markup:
    """Return the list of repairs: what holds for the whole file first, then columns, then rows by frequency."""
    by_count = sorted(found.repaired.items(), key=lambda item: (_unit(item[0], words) is not None, item[1]))
    columns = {Repair.COLUMN_MISSING: found.missing_columns, Repair.COLUMN_IGNORED: found.ignored_columns}
    return _list(
        words.repaired_heading, (_repair(kind, count, columns.get(kind, ()), texts, words) for kind, count in by_count)
    )


def _list(heading: str, items: Iterable[str]) -> Markup:
    listed = Markup().join(map(Markup("<li>{}</li>").format, items))
    return Markup('<h3>{}</h3><ul class="plain">{}</ul>').format(heading, listed)


def _repair(kind: Repair, count: int, names: Sequence[str], texts: Texts, words: CheckTexts) -> str:
    """Return a repair with the number of rows or columns it was made in and the names of the columns."""
    unit = _unit(kind, words)
    counted = f": {texts.numbers.counted(count, unit)}" if unit else ""
    return words.repairs[kind] + counted + (f" ({', '.join(names)})" if names else "")


def _unit(kind: Repair, words: CheckTexts) -> Forms | None:
    """Return the unit a repair is counted in; None for one made once a file."""
    if kind in OF_THE_FILE:
        return None
    return words.column_forms if kind in OF_COLUMNS else words.row_forms


def _unknown(found: FileReport, texts: Texts, words: CheckTexts) -> Markup:
    """Return the list of values that their fields do not know."""
    numbers = texts.numbers
    items = (
        words.unknown_value.format(
            field=value.field,
            value=value.value,
            rows_counted=numbers.counted(value.rows, words.row_forms),
            line=numbers.whole(value.line),
        )
        for value in found.unknown
    )
    return _list(words.unknown_heading, items) + hint(words.unknown_hint)


def _refusals(found: FileReport, texts: Texts, words: CheckTexts) -> Markup:
    """Return the table of the first rejected rows."""
    shown = found.refused[:SHOWN_REFUSALS]
    heads = ((words.refused_line, "line"), (words.refused_field, "code"), (words.refused_reason, "text"))
    rows = (_refusal_cells(refusal, texts, words) for refusal in shown)
    return table(heads, rows, words.refused_heading, kind="long") + _how_many_shown(
        sum(refusal.rows for refusal in shown), found.refused_total, texts, words
    )


def _refusal_cells(refusal: Refusal, texts: Texts, words: CheckTexts) -> tuple[str, str, str]:
    """Return the cells of one rejected row; the sender's own message is a tooltip."""
    numbers = texts.numbers
    alike = words.refused_like_this.format(rows_counted=numbers.counted(refusal.rows, words.row_forms))
    more = "; ".join(filter(None, (refusal.value, alike if refusal.rows > 1 else "")))
    reported = texts.row_refusals[refusal.reason] + (f" ({more})" if more else "")
    reason = Markup('<span title="{}">{}</span>').format(refusal.message, reported)
    return texts.numbers.whole(refusal.line), refusal.field or MISSING, reason


def _how_many_shown(shown: int, refused: int, texts: Texts, words: CheckTexts) -> Markup:
    """Return how many rejected rows are shown, if not all are."""
    if shown == refused:
        return Markup()
    return hint(words.refused_first.format(shown=texts.numbers.whole(shown), refused=texts.numbers.whole(refused)))


def _file_refusal(step: Refused, texts: Texts) -> str:
    """Return why a file was rejected; columns it may name stand at the end of the sender's message."""
    return texts.file_refusals[step.code].format(names=step.detail.rpartition(": ")[2])


def flagged_table(flagged: Sequence[Flagged], texts: Texts, words: CheckTexts, utc_offset_minutes: int) -> Markup:
    """Return the table of flagged transactions, the latest scored first, or a notice that there are none.

    Without a key in the contract nothing has a past, and none is shown.
    """
    if not flagged:
        return notice(words.no_flagged)
    heads = (
        (texts.column_scored, "time scored"),
        *transaction_heads(texts),
        (texts.column_score, "score"),
        *(((words.column_earlier, "past side"),) if texts.key else ()),
        (texts.column_id, "id"),
    )
    rows = (_flagged_cells(row, texts, words, utc_offset_minutes) for row in flagged)
    about_past = hint(words.earlier_hint) if texts.key else Markup()
    return table(heads, rows, words.flagged_heading, kind="transactions") + about_past


def totals(
    snapshot: Snapshot, model: ScoringModel | None, texts: Texts, words: CheckTexts, utc_offset_minutes: int
) -> Markup:
    """Return the line of totals, if anything is scored, and the time and model below it."""
    numbers = texts.numbers
    small = words.refreshed.format(time=local_clock(snapshot.read_at, utc_offset_minutes))
    if model is not None:
        small += " · " + words.model.format(version=model.version, threshold=numbers.decimal(model.threshold, 2))
    return _counts(snapshot.totals, texts, words) + hint(small)


def _counts(found: Totals, texts: Texts, words: CheckTexts) -> Markup:
    """Return the line of totals, or nothing while nothing is scored."""
    if not found.scored:
        return Markup()
    numbers = texts.numbers
    scored = numbers.counted(found.scored, texts.transaction_forms)
    line = words.totals.format(
        scored_counted=scored if found.exact else words.about.format(number=scored),
        flagged=numbers.whole(found.flagged),
        share=numbers.percent(found.flagged / found.scored),
    )
    return Markup('<p class="totals">{}</p>').format(line)


def results_head(
    answer: Results, model: ScoringModel | None, texts: Texts, words: CheckTexts, utc_offset_minutes: int
) -> Markup:
    """Return the head of the results: totals, and in an outage how old they are."""
    if answer.snapshot is None:
        return notice(words.database_unavailable, "warning")
    head = totals(answer.snapshot, model, texts, words, utc_offset_minutes)
    if answer.fresh:
        return head
    since = local_clock(answer.snapshot.read_at, utc_offset_minutes, "%H:%M")
    return notice(words.database_unavailable_since.format(time=since), "warning") + head


def _flagged_cells(row: Flagged, texts: Texts, words: CheckTexts, utc_offset_minutes: int) -> tuple[str, ...]:
    """Return the cells of one flagged transaction."""
    return (
        local_clock(row.scored_at, utc_offset_minutes, texts.numbers.date_pattern),
        *transaction_cells(row, texts),
        score_cell(row.score, texts.numbers),
        *((_earlier(row.earlier, texts, words),) if texts.key else ()),
        case_button(row.transaction_id, row.transaction_id),
    )


def _earlier(earlier: int | None, texts: Texts, words: CheckTexts) -> str:
    """Return how many earlier transactions of the customer are known, in words."""
    if earlier is None:
        return words.earlier_unknown
    return texts.numbers.counted(earlier, texts.transaction_forms) if earlier else words.earlier_none
