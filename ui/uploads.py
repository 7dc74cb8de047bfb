"""The tab of the files that were sent: what became of each, and its scores to download."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from services.sender.report import FileFault
from ui.formats import local_clock
from ui.frame import ADD_CLOCK, VIEWING, Frame, Update, logged
from ui.journal import SHOWN, State, Upload
from ui.login_access import NO_LOGIN
from ui.render import hint, notice, section_head, table
from ui.scores_file import path_of
from ui.texts import Texts
from ui.uploads_texts import UPLOADS_TEXTS, UploadsTexts
from ui.watch import Seen

TITLES = {"ru": "Файлы", "en": "Files"}

EVERY_SECONDS = 2.0


def build(frame: Frame) -> None:
    """Place the history; it refreshes by itself while its tab is open."""
    texts, words = frame.texts, UPLOADS_TEXTS[frame.texts.language]
    with gr.Column(elem_classes="card", elem_id="files"):
        gr.HTML(section_head(words.heading, words.hint))
        shown = gr.HTML(hint(words.first_reading), elem_id="uploads")
    timer = gr.Timer(EVERY_SECONDS, active=False)

    def refresh(utc_offset_minutes: float) -> Update:
        with logged():
            return history(frame.parts.uploads.look(), texts, words, int(utc_offset_minutes or 0))
        return gr.skip()

    def rest_elsewhere(event: gr.SelectData) -> Update:
        return gr.Timer(active=event.value == frame.tab.label)

    viewing: dict[str, Any] = {**VIEWING, "js": ADD_CLOCK}
    for event in (timer.tick, frame.tab.select):
        event(refresh, [frame.clock], [shown], **viewing)
    frame.tabs.select(rest_elsewhere, None, [timer], show_progress="hidden", api_visibility="private", queue=False)


def history(seen: Seen[list[Upload]], texts: Texts, words: UploadsTexts, utc_offset_minutes: int) -> str:
    """Return the history as a table, or a sentence saying why there is none."""
    if seen.value is None:
        return notice(words.away, "warning") if seen.tried else hint(words.first_reading)
    outage = "" if seen.fresh else notice(words.away_since, "warning")
    return outage + (uploads_table(seen.value, texts, words, utc_offset_minutes) if seen.value else notice(words.empty))


def uploads_table(uploads: Sequence[Upload], texts: Texts, words: UploadsTexts, utc_offset_minutes: int) -> str:
    """Return the table of uploads, the latest first."""
    heads = (
        (words.column_time, "time"),
        (words.column_file, "file"),
        (words.column_analyst, "who"),
        (words.column_rows, "number"),
        (words.column_refused, "number"),
        (words.column_sent, "number"),
        (words.column_scored, "number"),
        (words.column_state, "text"),
        (words.column_download, "text"),
    )
    rows = [_cells(upload, texts, words, utc_offset_minutes) for upload in uploads]
    below = words.shown.format(shown=texts.numbers.whole(SHOWN)) if len(uploads) == SHOWN else ""
    return table(heads, rows, words.heading, kind="captionless") + (hint(below) if below else "")


def state_in_words(upload: Upload, texts: Texts, words: UploadsTexts) -> str:
    """Return where an upload stands, in words: once all is sent, how far the scores are."""
    if upload.state is State.REFUSED and upload.refusal in set(FileFault):
        reason = texts.file_refusals[FileFault(upload.refusal)].format(names="…")
        return f"{words.states[State.REFUSED]}: {reason}"
    if not isinstance(upload.state, State):
        return upload.state
    if upload.state is not State.SENT:
        return words.states[upload.state]
    if upload.scored is None:
        return words.scored_unknown
    return words.scored_all if upload.scored >= upload.sent else words.scoring


def _cells(upload: Upload, texts: Texts, words: UploadsTexts, utc_offset_minutes: int) -> tuple[str, ...]:
    numbers = texts.numbers

    def count(number: int | None) -> str:
        return words.unknown if number is None else numbers.whole(number)

    link = f'<a href="{path_of(upload.upload_id)}" download>{escape(words.download)}</a>' if upload.sent else ""
    kind = "done" if upload.state is State.SENT and upload.scored == upload.sent else escape(upload.state)
    return (
        local_clock(upload.started_at, utc_offset_minutes, numbers.date_pattern),
        escape(upload.file_name),
        escape(words.no_login if upload.analyst == NO_LOGIN else upload.analyst),
        count(upload.rows),
        count(upload.refused),
        numbers.whole(upload.sent),
        count(upload.scored),
        f'<span class="state {kind}">{escape(state_in_words(upload, texts, words))}</span>',
        link or words.unknown,
    )
