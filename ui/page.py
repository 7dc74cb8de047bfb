"""The page: its layout, and what its buttons do. Knows its parts, not how they reach Kafka or PostgreSQL."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Navbar

from services.common.lifecycle import StopSignal
from services.common.logs import get_logger
from ui import charts, render, report
from ui.downloads import SAMPLE_PATH, TEMPLATE_PATH, sample_file
from ui.model import Model
from ui.results import Mart
from ui.steps import Sent, Step
from ui.texts import Texts
from ui.texts_en import ENGLISH
from ui.texts_ru import RUSSIAN

FOLLOW_EVERY_SECONDS = 1.0
FOLLOW_PATIENCE_SECONDS = 60.0
"""How long an upload is followed without a new score, before the page says that the rest is waiting."""

VIEWERS_AT_ONCE, UPLOADS_AT_ONCE = 16, 4

_ADD_CLOCK = "(...inputs) => [...inputs.slice(0, -1), -new Date().getTimezoneOffset()]"
"""Fills the last input with the minutes by which the reader's clock is ahead of UTC."""

Update = Any
Handler = Callable[..., Any]


@dataclass(frozen=True)
class Parts:
    """What the page works with: `send` yields the steps of an upload, `model` tells of the model in use."""

    mart: Mart
    send: Callable[[Path], Iterator[Step]]
    model: Callable[[], Model | None]
    max_file_mb: int
    stop: StopSignal


def build(parts: Parts) -> gr.Blocks:
    """Return the page, not yet served: Russian at /, English at /en."""
    page = gr.Blocks(title=RUSSIAN.title, analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        _Page(parts, RUSSIAN).lay_out(page)
    with page.route(ENGLISH.title, ENGLISH.path, show_in_navbar=False):
        _Page(parts, ENGLISH).lay_out(page)
    return page


class _Page:
    """The page in one language."""

    def __init__(self, parts: Parts, texts: Texts) -> None:
        self._parts = parts
        self._texts = texts
        self._followed: dict[str | None, Sent] = {}
        """Of each session, the upload whose scores are being waited for."""

    def lay_out(self, page: gr.Blocks) -> None:
        """Place the components and wire their events."""
        texts = self._texts
        Navbar(visible=False)
        gr.HTML(render.header(texts), elem_id="head")
        clock = gr.Number(0, precision=0, visible="hidden")

        with gr.Column(elem_classes="card", elem_id="upload"):
            gr.HTML(self._upload_head())
            file = gr.File(
                label=texts.file_label, show_label=False, file_types=[".csv"], file_count="single", height=132,
                elem_id="csv",
            )  # fmt: skip
            send = gr.Button(texts.send_button, variant="primary", interactive=False, elem_id="send")
            headline = gr.HTML(elem_id="headline")
            scored = gr.HTML(elem_id="scored")
            details = gr.HTML(elem_id="report")

        with gr.Column(elem_classes="card", elem_id="results"):
            gr.HTML(render.section_head(texts.results_heading))
            view = gr.Button(texts.view_button, variant="primary", elem_id="view")
            totals = gr.HTML(render.hint(texts.results_hint), elem_id="totals")
            flagged = gr.HTML(elem_id="flagged")
            plot = gr.Plot(visible=False, show_label=False, elem_id="plot")

        shown = [totals, flagged, plot]
        quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        viewing = {**quietly, "concurrency_limit": VIEWERS_AT_ONCE}
        sending = {**quietly, "concurrency_limit": UPLOADS_AT_ONCE}

        page.unload(self.forget)
        page.load(None, js=_set_language(texts), api_visibility="private")
        view.click(self.view, [clock], shown, js=_ADD_CLOCK, **viewing)
        told = [headline, scored, details]
        file.change(self.offer_sending, [file], [send, *told], **viewing)
        sent = send.click(self.send, [file], [send, *told], **sending)
        sent.then(self.offer_again, [file], [send], **viewing)
        # "multiple": while one upload is being followed, the next one must be able to take over.
        sent.success(self.follow, [clock], [scored, *shown], js=_ADD_CLOCK, trigger_mode="multiple", **viewing)

    def view(self, utc_offset_minutes: float) -> tuple[Update, ...]:
        """Show the latest results."""
        with _told_plainly(self._texts):
            return self._results(int(utc_offset_minutes or 0))

    def offer_sending(self, file: str | None, request: gr.Request) -> tuple[Update, ...]:
        """A file was chosen or removed: forget what was said of the one before."""
        self._followed.pop(request.session_hash, None)
        return gr.update(interactive=file is not None), "", "", ""

    def offer_again(self, file: str | None) -> Update:
        """A sending has ended, well or not."""
        return gr.update(interactive=file is not None)

    def send(self, file: str | None, request: gr.Request) -> Iterator[tuple[Update, ...]]:
        """Send the file's rows, telling how far it is."""
        texts = self._texts
        self._followed.pop(request.session_hash, None)
        if file is None:
            return
        with _told_plainly(self._texts):
            yield gr.update(interactive=False), render.progress(texts.reading, "", None), "", ""
            for step in self._parts.send(Path(file)):
                if isinstance(step, Sent) and step.transaction_ids:
                    self._followed[request.session_hash] = step
                yield gr.skip(), report.headline(step, texts), "", report.details(step, texts)

    def follow(self, utc_offset_minutes: float, request: gr.Request) -> Iterator[tuple[Update, ...]]:
        """Refresh the results as the scores of the sent rows arrive.

        Until all rows have one, none came for a minute, or the reader turned to another file.
        """
        sent = self._followed.get(request.session_hash)
        if sent is None:  # the file was refused, or Kafka is away: nothing to follow
            yield (gr.skip(),) * 4
            return
        with _told_plainly(self._texts):
            for told in self._scored_of(sent):
                if self._followed.get(request.session_hash) is not sent:
                    yield (
                        gr.skip(),
                    ) * 4  # Gradio repeats the last answer at the end: it must not undo the next file's
                    return
                yield told, *self._results(int(utc_offset_minutes or 0))
        self.forget(request)

    def forget(self, request: gr.Request) -> None:
        """The upload is scored, or its reader has left: let go of the ids of its rows."""
        self._followed.pop(request.session_hash, None)

    def _scored_of(self, sent: Sent) -> Iterator[str]:
        """Yield, about once a second, how many of the sent rows are scored so far, in words."""
        missing, last_arrival = list(sent.transaction_ids), time.monotonic()
        rows = len(missing)
        while missing and not self._parts.stop.requested:
            left = self._parts.mart.unscored(missing)
            if left is None:
                yield render.notice(self._texts.scored_unknown, "warning")
                return
            if len(left) < len(missing):
                missing, last_arrival = left, time.monotonic()
            if time.monotonic() - last_arrival > FOLLOW_PATIENCE_SECONDS:
                yield report.scored_slowly(rows - len(missing), rows, self._texts)
                return
            yield report.scored_so_far(rows - len(missing), rows, self._texts)
            self._parts.stop.wait(FOLLOW_EVERY_SECONDS if missing else 0)

    def _results(self, utc_offset_minutes: int) -> tuple[Update, ...]:
        """Return the totals, the table and the histogram."""
        texts, answer, model = self._texts, self._parts.mart.answer(), self._parts.model()
        head = render.results_head(answer, model, texts, utc_offset_minutes)
        if answer.snapshot is None:
            return head, "", gr.update(visible=False)
        flagged = render.flagged_table(answer.snapshot.flagged, texts)
        scores = answer.snapshot.scores
        if not scores:
            return head, flagged, gr.update(visible=False)
        threshold = model.threshold if model else None
        chart = charts.histogram(scores, threshold, render.chart_texts(len(scores), threshold, texts))
        return head, flagged, gr.update(value=chart, visible=True)

    def _upload_head(self) -> str:
        """Return the upload's heading, what is accepted, and where to get an example."""
        texts = self._texts
        limits = texts.upload_limits.format(megabytes=texts.numbers.whole(self._parts.max_file_mb))
        files = [(TEMPLATE_PATH, texts.template_link)]
        if sample_file().is_file():
            files.append((SAMPLE_PATH, texts.sample_link))
        return render.section_head(texts.upload_heading, f"{texts.upload_hint} {limits}") + render.links(files)


@contextmanager
def _told_plainly(texts: Texts) -> Iterator[None]:
    """Log an error nobody foresaw and tell the user in plain words that there was one."""
    try:
        yield
    except Exception as error:
        get_logger().exception("handler_failed")
        raise gr.Error(texts.unexpected, title=texts.unexpected_title, print_exception=False) from error


def _set_language(texts: Texts) -> str:
    """Return the script that names the page's language and title: one app serves both languages."""
    return f"() => {{ document.documentElement.lang = '{texts.language}'; document.title = '{texts.title}'; }}"
