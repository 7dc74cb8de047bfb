"""The upload: choose a file, send it, follow its scores. Knows its parts, not how they reach Kafka or PostgreSQL."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import gradio as gr

from services.sender.taken import TakenIds
from ui import render, report
from ui.downloads import SAMPLE_PATH, TEMPLATE_PATH, sample_file
from ui.frame import ADD_CLOCK, QUIETLY, VIEWING, Frame, Update, told_plainly
from ui.latest import Latest, results
from ui.login_texts import LOGIN_TEXTS
from ui.scores_file import path_of
from ui.steps import Sent
from ui.taken_ids import taken_ids_choice
from ui.upload import Order

FOLLOW_EVERY_SECONDS = 1.0
FOLLOW_PATIENCE_SECONDS = 60.0
"""How long an upload is followed without a new score, before the page says that the rest is waiting."""

SENDERS_AT_ONCE = 32
"""Readers whose files are under way or in line; how many are sent at once is the upload's own matter."""


class Sending:
    """The section in one language."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._parts = frame.parts
        self._texts = frame.texts
        self._followed: dict[str | None, Sent] = {}
        """Of each session, the upload whose scores are being waited for."""
        self._cancelled: dict[str | None, threading.Event] = {}
        """Of each session, what cancels the upload under way."""
        self._place()

    def _place(self) -> None:
        texts = self._texts
        with gr.Column(elem_classes="card", elem_id="upload"):
            gr.HTML(self._upload_head())
            self._file = gr.File(
                label=texts.file_label, show_label=False, file_count="single", height=132,  # any name: content decides
                elem_id="csv",
            )  # fmt: skip
            self._taken_ids = taken_ids_choice(texts)
            with gr.Row(elem_classes="actions"):
                self._send = gr.Button(texts.send_button, variant="primary", interactive=False, elem_id="send")
                self._cancel = gr.Button(texts.cancel_button, visible=False, elem_id="cancel")
            self._headline = gr.HTML(elem_id="headline")
            self._scored = gr.HTML(elem_id="scored")
            self._details = gr.HTML(elem_id="report")

    def wire(self, latest: Latest) -> None:
        """Wire the events; the results are refreshed as the scores of a sent file arrive."""
        frame, file = self._frame, self._file
        sending: dict[str, Any] = {**QUIETLY, "concurrency_limit": SENDERS_AT_ONCE}
        told = [self._headline, self._scored, self._details]
        frame.page.unload(self.forget)
        file.change(self.offer_sending, [file], [self._send, *told], **VIEWING)
        sent = self._send.click(self.send, [file, self._taken_ids], [self._send, self._cancel, *told], **sending)
        sent.then(self.offer_again, [file], [self._send, self._cancel], **VIEWING)
        self._cancel.click(self.cancel, None, [self._cancel], **QUIETLY, queue=False)
        # "multiple": while one upload is being followed, the next one must be able to take over.
        sent.success(
            self.follow, [frame.clock], [self._scored, *latest.shown], js=ADD_CLOCK, trigger_mode="multiple", **VIEWING
        )

    def offer_sending(self, file: str | None, request: gr.Request) -> tuple[Update, ...]:
        """A file was chosen or removed: forget what was said of the one before."""
        self._followed.pop(request.session_hash, None)
        if request.session_hash in self._cancelled:  # an upload is under way: it goes on telling how far it is
            return (gr.skip(),) * 4
        if file is not None and self._parts.access.analyst(request) is None:
            return gr.update(interactive=False), self._not_allowed(), "", ""
        return gr.update(interactive=file is not None), "", "", ""

    def offer_again(self, file: str | None) -> tuple[Update, ...]:
        """A sending has ended, well or not."""
        return gr.update(interactive=file is not None), gr.update(visible=False)

    def cancel(self, request: gr.Request) -> Update:
        """End the upload under way; what was sent stays sent."""
        if under_way := self._cancelled.get(request.session_hash):
            under_way.set()
        return gr.update(interactive=False)

    def send(self, file: str | None, taken_ids: str, request: gr.Request) -> Iterator[tuple[Update, ...]]:
        """Send the file's rows, telling how far it is."""
        texts, session = self._texts, request.session_hash
        self._followed.pop(session, None)
        if file is None:
            return
        analyst = self._parts.access.analyst(request)
        if analyst is None:
            yield gr.skip(), gr.skip(), self._not_allowed(), "", ""
            return
        cancelled = self._cancelled[session] = threading.Event()
        order = Order(Path(file), analyst, cancelled.is_set, TakenIds(taken_ids))
        offer_cancel = gr.update(visible=True, interactive=True)
        try:
            with told_plainly(texts):
                yield gr.update(interactive=False), offer_cancel, render.progress(texts.reading, "", None), "", ""
                for step in self._parts.send(order):
                    if isinstance(step, Sent) and step.upload_id and step.sent:
                        self._followed[session] = step
                    yield gr.skip(), gr.skip(), report.headline(step, texts), "", report.details(step, texts)
        finally:
            self._cancelled.pop(session, None)

    def follow(self, utc_offset_minutes: float, request: gr.Request) -> Iterator[tuple[Update, ...]]:
        """Refresh the results as the scores of the sent rows arrive.

        Until all rows have one, none came for a minute, or the reader turned to another file.
        """
        sent = self._followed.get(request.session_hash)
        if sent is None or sent.upload_id is None:  # nothing was sent, or nobody knows what: nothing to follow
            yield (gr.skip(),) * 4
            return
        with told_plainly(self._texts):
            for told in self._scored_of(sent.upload_id, sent.sent):
                if self._followed.get(request.session_hash) is not sent:
                    # Gradio repeats the last answer at the end: it must not undo the next file's.
                    yield (gr.skip(),) * 4
                    return
                yield told, *results(self._parts, self._texts, int(utc_offset_minutes or 0))
        self._followed.pop(request.session_hash, None)

    def forget(self, request: gr.Request) -> None:
        """The reader has left: nobody waits for the upload's end any more."""
        self._followed.pop(request.session_hash, None)
        self.cancel(request)

    def _scored_of(self, upload_id: UUID, sent: int) -> Iterator[str]:
        """Yield, about once a second, how many of the sent rows are scored so far, in words."""
        texts = self._texts
        scored, last_arrival = 0, time.monotonic()
        while not self._parts.stop.requested:
            seen = self._parts.uploads.look()
            if not seen.fresh:
                yield render.notice(texts.scored_unknown, "warning")
                return
            now = max((upload.scored or 0 for upload in seen.value or () if upload.upload_id == upload_id), default=0)
            if now > scored:
                scored, last_arrival = now, time.monotonic()
            if time.monotonic() - last_arrival > FOLLOW_PATIENCE_SECONDS:
                yield report.scored_slowly(scored, sent, texts)
                return
            yield report.scored_so_far(scored, sent, texts) + self._download(upload_id, whole=scored == sent)
            if scored >= sent:
                return
            self._parts.stop.wait(FOLLOW_EVERY_SECONDS)

    def _download(self, upload_id: UUID, *, whole: bool) -> str:
        return render.links([(path_of(upload_id), self._texts.scores_link)]) if whole else ""

    def _not_allowed(self) -> str:
        return render.notice(LOGIN_TEXTS[self._texts.language].not_allowed, "warning")

    def _upload_head(self) -> str:
        """Return the upload's heading, what is accepted, and where to get an example."""
        texts = self._texts
        limits = texts.upload_limits.format(megabytes=texts.numbers.whole(self._parts.max_file_mb))
        files = [(TEMPLATE_PATH, texts.template_link)]
        if sample_file().is_file():
            files.append((SAMPLE_PATH, texts.sample_link))
        return render.section_head(texts.upload_heading, f"{texts.upload_hint} {limits}") + render.links(files)
