"""HTML of the steps of an upload."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from services.sender.report import FileReport, Refusal, Repair
from ui.check.steps import Cancelled, Obstacle, Queued, Reading, Refused, Sending, Sent, Step
from ui.shell.render import MISSING, hint, notice, progress, table
from ui.shell.texts import Forms, Texts

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


def headline(told: Step, texts: Texts) -> Markup:
    """Return what a step of an upload comes down to: a bar while it runs, then a sentence."""
    numbers = texts.numbers
    match told:
        case Queued():
            counted = numbers.counted(told.ahead, texts.upload_forms)
            return progress(texts.waiting.format(uploads_counted=counted), "", None)
        case Reading():
            counted = numbers.counted(told.rows, texts.row_forms)
            return progress(texts.reading_rows.format(rows_counted=counted) if told.rows else texts.reading, "", None)
        case Cancelled():
            return notice(texts.cancelled_early, "warning")
        case Sending():
            return _sending(told, texts)
        case Refused():
            return notice(_file_refusal(told, texts), "warning")
        case Sent():
            return _summary(told, texts) + _below(told, texts)


def _below(sent: Sent, texts: Texts) -> Markup:
    """Return what else is to be said of rows that were sent: that they may be sent again, or are not in the journal."""
    if not sent.sent:
        return Markup()
    return hint(texts.twice) + (Markup() if sent.upload_id else hint(texts.not_recorded))


def details(told: Step, texts: Texts) -> Markup:
    """Return the report of a finished upload: its figures, what was repaired, what was refused and why."""
    if not isinstance(told, Sent):
        return Markup()
    found = told.report
    parts = [_tiles(told, texts)]
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


def _sending(told: Sending, texts: Texts) -> Markup:
    """Return the bar of an upload under way."""
    numbers = texts.numbers
    rate = round(told.sent / told.seconds) if told.seconds else 0
    return progress(
        texts.sending.format(
            sent=numbers.whole(told.sent), rows_counted=numbers.counted(told.rows, texts.of_row_forms)
        ),
        texts.sending_rate.format(rate_counted=numbers.counted(rate, texts.row_forms)) if rate else "",
        told.sent / told.rows,
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
    told = texts.row_refusals[refusal.reason] + (f" ({more})" if more else "")
    reason = Markup('<span title="{}">{}</span>').format(refusal.message, told)
    return texts.numbers.whole(refusal.line), refusal.field or MISSING, reason


def _how_many_shown(shown: int, refused: int, texts: Texts) -> Markup:
    """Return the sentence that the table is only the beginning, if it is."""
    if shown == refused:
        return Markup()
    return hint(texts.refused_first.format(shown=texts.numbers.whole(shown), refused=texts.numbers.whole(refused)))


def _file_refusal(told: Refused, texts: Texts) -> str:
    """Return the sentence on a file that cannot be used at all; some name columns, which end the sender's sentence."""
    return texts.file_refusals[told.code].format(names=told.detail.rpartition(": ")[2])
