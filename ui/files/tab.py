"""The tab of the files sent: the state of each, and its scores to download."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from markupsafe import Markup

from services.sender.report import FileFault
from ui.check.jobs import Job, Jobs
from ui.check.render import headline
from ui.check.steps import Sending, Step
from ui.check.texts import CHECK_TEXTS
from ui.files.download import path_of
from ui.files.journal import SHOWN, Upload, UploadState
from ui.files.texts import UPLOADS_TEXTS, UploadsTexts
from ui.login.access import NO_LOGIN, Access
from ui.shell.formats import local_clock
from ui.shell.frame import ADD_UTC_OFFSET, VIEWING, Frame, Update, logged
from ui.shell.render import hint, notice, section_head, table, unread
from ui.shell.texts import Texts
from ui.watch import Observation, Watch

TITLES = {"ru": "Файлы", "en": "Files"}

EVERY_SECONDS = 2.0

CANCELS = """
element.addEventListener('click', (event) => {
    const button = event.target.closest('[data-cancel]');
    if (button) trigger('click', {upload: button.dataset.cancel});
});
"""
"""Reports which upload's button was pressed."""


def build(frame: Frame, *, jobs: Jobs, uploads: Watch[list[Upload]], access: Access) -> None:
    """Place the list, which refreshes itself while its tab is open."""
    texts, words = frame.texts, UPLOADS_TEXTS[frame.texts.language]
    with gr.Column(elem_classes="card", elem_id="files"):
        gr.HTML(section_head(words.heading, words.hint))
        under_way = gr.HTML(elem_id="under-way", js_on_load=CANCELS)
        shown = gr.HTML(hint(words.first_reading), elem_id="uploads")
    timer = gr.Timer(EVERY_SECONDS, active=False)

    def listed(found: Sequence[Job], request: gr.Request) -> Markup:
        return jobs_under_way(found, texts, words, may_cancel=access.analyst(request) is not None)

    def refresh(utc_offset_minutes: float, request: gr.Request) -> tuple[Update, ...]:
        with logged():
            seen, found = uploads.look(), jobs.under_way()
            return listed(found, request), history(seen, found, texts, words, int(utc_offset_minutes or 0))
        return gr.skip(), gr.skip()

    def cancel_one(request: gr.Request, event: gr.EventData) -> Markup:
        jobs.cancel(str(event._data["upload"]), access.analyst(request))
        return listed(jobs.under_way(), request)

    def pause_when_hidden(event: gr.SelectData) -> Update:
        return gr.Timer(active=event.value == frame.tab.label)

    viewing: dict[str, Any] = {**VIEWING, "js": ADD_UTC_OFFSET}
    for event in (timer.tick, frame.tab.select):
        event(refresh, [frame.clock], [under_way, shown], **viewing)
    under_way.click(cancel_one, None, [under_way], **VIEWING)
    frame.tabs.select(pause_when_hidden, None, [timer], show_progress="hidden", queue=False)


def jobs_under_way(jobs: Sequence[Job], texts: Texts, words: UploadsTexts, *, may_cancel: bool) -> Markup:
    """Return the progress of each upload, with a button to cancel it for those who may; empty if there is none."""
    entry = Markup('<div class="job"><p><b>{}</b> <span>{}</span></p>{}{}</div>')
    return Markup().join(
        entry.format(
            job.path.name,
            _who(job.analyst, words),
            _cancel_button(job, words) if may_cancel else "",
            headline(job.step, texts, CHECK_TEXTS[texts.language]),
        )
        for job in jobs
    )


def _cancel_button(job: Job, words: UploadsTexts) -> Markup:
    label = f"{words.cancel}: {job.path.name}"
    return Markup('<button type="button" data-cancel="{}" aria-label="{}"{}>{}</button>').format(
        job.upload_id, label, " disabled" * job.is_cancelled, words.cancel
    )


def history(
    seen: Observation[list[Upload]], jobs: Sequence[Job], texts: Texts, words: UploadsTexts, utc_offset_minutes: int
) -> Markup:
    """Return the list of uploads as a table, or why there is none."""
    obstacle = unread(seen, words.unavailable, words.unavailable_since, texts)
    if seen.value is None:
        return obstacle or hint(words.first_reading)
    steps = {job.upload_id: job.step for job in jobs}
    listed = [_current(upload, steps.get(upload.upload_id)) for upload in seen.value]
    return obstacle + (uploads_table(listed, texts, words, utc_offset_minutes) if listed else notice(words.empty))


def _current(upload: Upload, step: Step | None) -> Upload:
    """Return an upload as this process knows it, for its journal is updated only now and then."""
    if step is None:
        return upload
    if isinstance(step, Sending):
        return replace(upload, state=UploadState.SENDING, sent=step.sent)
    return replace(upload, state=UploadState.READING)


def uploads_table(uploads: Sequence[Upload], texts: Texts, words: UploadsTexts, utc_offset_minutes: int) -> Markup:
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
    return table(heads, rows, words.heading, captioned=False) + (hint(below) if below else Markup())


def state_in_words(upload: Upload, texts: Texts, words: UploadsTexts) -> str:
    """Return the state of an upload in words; once all is sent, how far the scores are."""
    if upload.state is UploadState.REFUSED and upload.refusal in set(FileFault):
        reason = texts.file_refusals[FileFault(upload.refusal)].format(names="…")
        return f"{words.states[UploadState.REFUSED]}: {reason}"
    if not isinstance(upload.state, UploadState):
        return upload.state
    if upload.state is not UploadState.SENT:
        return words.states[upload.state]
    if upload.scored is None:
        return words.scored_unknown
    return words.scored_all if upload.scored >= upload.sent else words.scoring


def _cells(upload: Upload, texts: Texts, words: UploadsTexts, utc_offset_minutes: int) -> tuple[str, ...]:
    numbers = texts.numbers

    def count(number: int | None) -> str:
        return words.unknown if number is None else numbers.whole(number)

    path = path_of(upload.upload_id, texts.language)
    kind = "done" if upload.state is UploadState.SENT and upload.scored == upload.sent else upload.state
    return (
        local_clock(upload.started_at, utc_offset_minutes, numbers.date_pattern),
        upload.file_name,
        _who(upload.analyst, words),
        count(upload.rows),
        count(upload.refused),
        numbers.whole(upload.sent),
        count(upload.scored),
        Markup('<span class="state {}">{}</span>').format(kind, state_in_words(upload, texts, words)),
        Markup('<a href="{}" download>{}</a>').format(path, words.download) if upload.sent else words.unknown,
    )


def _who(analyst: str, words: UploadsTexts) -> str:
    return words.no_login if analyst == NO_LOGIN else analyst
