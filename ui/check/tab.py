"""The first tab: choose a file, send it, follow its scores, see the results."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import gradio as gr
from markupsafe import Markup

from services.common.process import StopSignal
from services.sender.ids import TakenIds
from ui.check import render, results
from ui.check.downloads import SAMPLE_PATH, TEMPLATE_PATH
from ui.check.jobs import Jobs
from ui.check.results import Latest
from ui.check.steps import Sent, Step
from ui.check.texts import CHECK_TEXTS
from ui.database import Database
from ui.files.download import path_of
from ui.files.journal import Upload
from ui.login.access import Access
from ui.login.texts import LOGIN_TEXTS
from ui.shell.excel import path_in
from ui.shell.frame import ADD_UTC_OFFSET, NO_PROGRESS, VIEWING, Frame, Update, friendly_errors
from ui.shell.page_state import skips
from ui.shell.render import css_words, hint, links, notice, section_head
from ui.threshold.models import ScoringModel
from ui.watch import Watch

TITLES = {"ru": "Проверка", "en": "Check"}


def build(
    frame: Frame,
    *,
    mart: Database,
    model: Callable[[], ScoringModel | None],
    jobs: Jobs,
    uploads: Watch[list[Upload]],
    access: Access,
    stop: StopSignal,
    max_file_mb: int,
    has_sample: bool,
) -> None:
    """Place the upload above the results, which each sent file refreshes."""
    upload = UploadSection(frame, jobs, uploads, access, stop, max_file_mb, has_sample)
    upload.wire(results.build(frame, mart, model))


FOLLOW_EVERY_SECONDS = 1.0
FOLLOW_PATIENCE_SECONDS = 60.0
"""How long an upload is followed without a new score before the page says that the rest is in the queue."""

DISABLE = "() => ({__type__: 'update', interactive: false})"
"""Takes the button away until the page knows the file: its answer to the one before would wipe out the next upload."""

WATCHERS_AT_ONCE = 32
"""Readers who watch their upload at the same time; how many uploads run is limited by UPLOADS_AT_ONCE."""


@dataclass
class UploadSection:
    """The section in one language."""

    frame: Frame
    jobs: Jobs
    uploads: Watch[list[Upload]]
    access: Access
    stop: StopSignal
    max_file_mb: int
    has_sample: bool

    def __post_init__(self) -> None:
        self._texts, self._words = self.frame.texts, CHECK_TEXTS[self.frame.texts.language]
        self._followed: dict[str | None, Sent] = {}
        """Session -> the upload whose scores it waits for."""
        self._place()

    def _place(self) -> None:
        words = self._words
        with gr.Column(elem_classes="card", elem_id="upload"):
            gr.HTML(self._upload_head())
            self._file = gr.File(
                label=words.file_label, show_label=False, file_count="single", height=132,  # any name: content decides
                elem_id="csv",
            )  # fmt: skip
            # Other transactions may have ids of the file: seldom, so the choice is closed.
            choices = [
                (words.ids_ask, TakenIds.ASK.value),
                (words.ids_own, TakenIds.OWN.value),
                (words.ids_overwrite, TakenIds.OVERWRITE.value),
            ]
            with gr.Accordion(words.ids_heading, open=False, elem_id="taken-ids"):
                self._taken_ids = gr.Radio(choices, value=TakenIds.ASK.value, label=words.ids_heading, show_label=False)
            with gr.Row(elem_classes="actions"):
                self._send = gr.Button(words.send_button, variant="primary", interactive=False, elem_id="send")
                self._cancel = gr.Button(words.cancel_button, visible=False, elem_id="cancel")
            self._headline = gr.HTML(elem_id="headline")
            self._scored = gr.HTML(elem_id="scored")
            self._details = gr.HTML(elem_id="report")
            self._job = gr.Textbox("", visible="hidden")

    def wire(self, latest: Latest) -> None:
        """Wire the events; the results are refreshed as the scores of a sent file arrive."""
        frame, file, job, self._latest = self.frame, self._file, self._job, latest
        shown = [self._headline, self._scored, self._details]
        at_once: dict[str, Any] = {**NO_PROGRESS, "queue": False}
        frame.page.unload(self.forget)
        file.change(None, None, [self._send], js=DISABLE, **NO_PROGRESS)
        file.change(self.offer_sending, [file, job], [self._send, job, *shown], **VIEWING)
        self._cancel.click(self.cancel, [job], [self._cancel], **at_once)
        accepted = self._send.click(self.accept, [file, self._taken_ids], [job, self._send, *shown], **at_once)
        frame.state.restore(file=file, job=job, taken_ids=self._taken_ids)
        for event in (accepted.then, frame.state.box.change):
            watched = event(
                self.watch, [job], [self._send, self._cancel, *shown], concurrency_limit=WATCHERS_AT_ONCE, **NO_PROGRESS
            )
            watched.then(self.offer_again, [file], [self._send, self._cancel], **VIEWING)
            # "multiple": while one upload is being followed, the next one must be able to take over.
            watched.success(
                self.follow, [latest.scale, frame.clock], [self._scored, *latest.components], js=ADD_UTC_OFFSET,
                trigger_mode="multiple", **VIEWING,
            )  # fmt: skip

    def offer_sending(self, file: str | None, job_id: str, request: gr.Request) -> tuple[Update, ...]:
        """Clear what was shown of the file before when another one is chosen or removed."""
        job = self.jobs.find(job_id)
        if job and (job.is_under_way or str(job.path) == file):  # what is shown is of this one
            return gr.update(interactive=not job.is_under_way), *skips(4)
        self._followed.pop(request.session_hash, None)
        if file is not None and self.access.analyst(request) is None:
            return gr.update(interactive=False), "", self._not_allowed(), "", ""
        return gr.update(interactive=file is not None), "", "", "", ""

    def offer_again(self, file: str | None, request: gr.Request) -> tuple[Update, ...]:
        """Enable the button again when an upload has ended, however it did."""
        may_send = file is not None and self.access.analyst(request) is not None
        return gr.update(interactive=may_send), gr.update(visible=False)

    def cancel(self, job_id: str, request: gr.Request) -> Update:
        """Cancel the upload; rows already sent stay sent."""
        self.jobs.cancel(job_id, self.access.analyst(request))
        return gr.update(interactive=False)

    def accept(self, file: str | None, taken_ids: str, request: gr.Request) -> tuple[Update, ...]:
        """Accept the file: it is sent to its end, whether or not anybody waits for it."""
        self._followed.pop(request.session_hash, None)
        if file is None:
            return skips(5)
        analyst = self.access.analyst(request)
        if analyst is None:
            return "", gr.skip(), self._not_allowed(), "", ""
        with friendly_errors(self._texts):
            job = self.jobs.start(Path(file), analyst, TakenIds(taken_ids))
        if job is None:
            return "", gr.skip(), notice(self._words.too_many_files, "warning"), "", ""
        return str(job.upload_id), gr.update(interactive=False), self._under_way(job.step), "", ""

    def watch(self, job_id: str, request: gr.Request) -> Iterator[tuple[Update, ...]]:
        """Show the progress of an upload; it goes on when the reader stops watching."""
        job = self.jobs.find(job_id)
        if job is None:
            yield skips(5)
            return
        with friendly_errors(self._texts):
            for step in job.steps():
                if job.is_under_way:
                    cancel = gr.update(visible=True, interactive=not job.is_cancelled)
                    yield gr.update(interactive=False), cancel, self._under_way(step), "", ""
            if isinstance(step, Sent) and step.upload_id and step.sent:
                self._followed[request.session_hash] = step
            headline = render.headline(step, self._texts, self._words)
            details = render.details(step, self._texts, self._words)
            yield gr.skip(), gr.update(visible=False), headline, "", details

    def follow(self, logarithmic: bool, utc_offset_minutes: float, request: gr.Request) -> Iterator[tuple[Update, ...]]:
        """Refresh the results as the scores of the sent rows arrive.

        Ends when all rows have one, none came for FOLLOW_PATIENCE_SECONDS, or the reader has chosen another file.
        """
        sent = self._followed.get(request.session_hash)
        if sent is None or sent.upload_id is None:  # nothing was sent, or the journal does not have it
            yield (gr.skip(),) * 5
            return
        with friendly_errors(self._texts):
            for progress in self._scored_of(sent.upload_id, sent.sent):
                if self._followed.get(request.session_hash) is not sent:
                    # Gradio repeats the last answer at the end: it must not undo the next file's.
                    yield (gr.skip(),) * 5
                    return
                yield progress, *self._latest.refreshed(logarithmic, utc_offset_minutes)
        self._followed.pop(request.session_hash, None)

    def forget(self, request: gr.Request) -> None:
        """Stop following when the reader has left; accepted files are sent nevertheless."""
        self._followed.pop(request.session_hash, None)

    def _scored_of(self, upload_id: UUID, sent: int) -> Iterator[Markup]:
        """Yield about once a second how many of the sent rows are scored so far."""
        texts, words = self._texts, self._words
        scored, last_arrival = 0, time.monotonic()
        while not self.stop.requested:
            seen = self.uploads.look()
            if seen.tried and not seen.fresh:
                yield notice(texts.reading_failed if seen.failed else words.scored_unknown, "warning")
                return
            now = max((upload.scored or 0 for upload in seen.value or () if upload.upload_id == upload_id), default=0)
            if now > scored:
                scored, last_arrival = now, time.monotonic()
            if time.monotonic() - last_arrival > FOLLOW_PATIENCE_SECONDS:
                yield render.scored_slowly(scored, sent, texts, words)
                return
            yield render.scored_so_far(scored, sent, texts, words) + self._download(upload_id, whole=scored == sent)
            if scored >= sent:
                return
            self.stop.wait(FOLLOW_EVERY_SECONDS)

    def _download(self, upload_id: UUID, *, whole: bool) -> Markup:
        return links([(path_of(upload_id, self._texts.language), self._words.scores_link)]) if whole else Markup()

    def _under_way(self, step: Step) -> Markup:
        """Return the progress of an upload, and that the page may be closed."""
        return render.headline(step, self._texts, self._words) + hint(self._words.may_close)

    def _not_allowed(self) -> Markup:
        return notice(LOGIN_TEXTS[self._texts.language].not_allowed, "warning")

    def _upload_head(self) -> Markup:
        """Return the upload's heading, what is accepted, and where to get an example."""
        texts, words = self._texts, self._words
        limits = words.upload_limits.format(megabytes=texts.numbers.whole(self.max_file_mb))
        files = [(path_in(TEMPLATE_PATH, texts.language), words.template_link)]
        if self.has_sample:
            files.append((path_in(SAMPLE_PATH, texts.language), words.sample_link))
        head = section_head(words.upload_heading, f"{words.upload_hint} {limits}")
        return css_words(drop_here=words.drop_here) + head + links(files)
