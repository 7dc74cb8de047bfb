"""The tab of the analysts: queue, case, verdict. Knows what is asked for when; words and SQL are elsewhere."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from services.common.logs import get_logger
from ui import metrics
from ui.database import Database
from ui.login.access import Access
from ui.login.texts import LOGIN_TEXTS
from ui.review import render as case_render
from ui.review import verdicts
from ui.review.case import Case, read_case
from ui.review.chart import payments_chart
from ui.review.texts import CASE_TEXTS
from ui.review.verdicts import COMMENT_MAX_CHARACTERS, QueueOrder, Verdict
from ui.shell.frame import ADD_UTC_OFFSET, VIEWING, Frame, Update, friendly_errors
from ui.shell.page_state import skips, value_of
from ui.shell.render_old import notice, section_head

TAB = "cases"
TITLES = {"ru": "Разбор", "en": "Review"}
"""The analysts' tab: its id, and its title by language."""

OPEN_CASES = f"""() => document.addEventListener('click', (event) => {{
    const button = event.target.closest('[data-case]');
    if (!button) return;
    document.querySelector('[role=tab][data-tab-id={TAB}]')?.click();
    const ask = () => {{
        const opener = document.querySelector('[data-opens-cases]');
        if (opener) opener.dispatchEvent(new CustomEvent('open-case', {{detail: button.dataset.case}}));
        else setTimeout(ask, 30);
    }};
    ask();
}})"""
"""A button with data-case opens that case, wherever on the page it stands.

The tab is built when it is first shown.
"""

OPENER = """
element.dataset.opensCases = '';
element.addEventListener('open-case', (event) => trigger('click', {case: event.detail}));
"""
"""What the tab does when it is asked for a case."""

TO_CASE = "() => { const card = document.getElementById('case'); if (card) { card.scrollIntoView(); card.focus(); } }"
"""Brings the case into view, for the keyboard too."""


__all__ = ["TAB", "TITLES", "build"]

QUEUE_SHOWN = 10
JUDGED = 100
"""Verdicts that the precision is of: the last ones."""

Handler = Callable[..., tuple[Update, ...]]
Opened = tuple[str, int] | None
"""The open payment's id and how many verdicts its reader has seen."""


def build(frame: Frame, *, mart: Database, access: Access) -> None:
    """Place queue and case, and wire their events."""
    Review(frame, mart, access).wire()


class Review:
    """The tab in one language."""

    def __init__(self, frame: Frame, mart: Database, access: Access) -> None:
        self._frame, self._texts = frame, frame.texts
        self._mart, self._access = mart, access
        self._words = CASE_TEXTS[frame.texts.language]
        self._place_queue()
        self._place_case()

    def _place_queue(self) -> None:
        words = self._words
        with gr.Column(elem_classes="card", elem_id="review"):
            self._opener = gr.HTML(section_head(words.queue_heading, words.queue_hint), js_on_load=OPENER)
            self._precision = gr.HTML(elem_id="precision")
            with gr.Row(elem_classes="controls"):
                choices = [(label, order.value) for order, label in words.orders.items()]
                self._order = gr.Dropdown(
                    choices, value=QueueOrder.LATEST.value, label=words.queue_order, elem_id="queue-order"
                )
                self._refresh = gr.Button(words.queue_refresh, elem_id="queue-refresh")
            self._queue = gr.HTML(elem_id="queue")

    def _place_case(self) -> None:
        words, texts = self._words, self._texts
        with gr.Column(elem_classes="card", elem_id="case", visible=False) as self._card:
            self._head = gr.HTML(elem_id="case-head")
            self._names = gr.Checkbox(False, label=words.show_names, container=False, elem_id="case-names")
            self._reasons = gr.HTML(elem_id="case-reasons")
            gr.HTML(f"<h3>{words.earlier_heading}</h3>")
            self._plot = gr.Plot(visible=False, show_label=False, elem_id="case-plot", elem_classes="chart")
            self._earlier = gr.HTML(elem_id="case-earlier")
            gr.HTML(f"<h3>{words.verdict_heading}</h3>")
            self._comment = gr.Textbox(
                label=words.comment,
                placeholder=words.comment_hint.format(limit=texts.numbers.whole(COMMENT_MAX_CHARACTERS)),
                lines=2,
                elem_id="case-comment",
            )
            with gr.Row(elem_classes="controls verdicts"):
                self._buttons = {
                    verdict: gr.Button(label, elem_id=f"give-{verdict.value}")
                    for verdict, label in words.buttons.items()
                }
                self._next = gr.Button(words.next, variant="secondary", elem_id="case-next")
            self._told = gr.HTML(elem_id="case-told")
            self._given = gr.HTML(elem_id="case-given")
            self._opened = gr.State(None)
            self._case_id = gr.Textbox("", visible="hidden")

    def wire(self) -> None:
        """Wire the events."""
        frame, clock = self._frame, self._frame.clock
        queued: list[Any] = [self._queue, self._precision]
        shown: list[Any] = [
            self._card, self._head, self._reasons, self._plot, self._earlier, self._given, self._told, self._comment,
            *self._buttons.values(), self._names, self._opened, self._case_id,
        ]  # fmt: skip
        for event in (frame.page.load, frame.tab.select, self._refresh.click):
            event(self.queue, [self._order], queued, **VIEWING)
        self._order.change(self.queue, [self._order], queued, **VIEWING)
        viewing = {**VIEWING, "js": ADD_UTC_OFFSET}
        frame.page.load(None, js=OPEN_CASES, api_visibility="private")
        self._opener.click(self.open, [clock], shown, **viewing).then(None, js=TO_CASE, api_visibility="private")
        self._next.click(self.open_next, [self._order, clock], shown, **viewing).then(
            None, js=TO_CASE, api_visibility="private"
        )
        state = frame.state
        state.restore(queue_order=self._order)
        state.store(case_id=self._case_id, comment=self._comment)
        state.box.change(self.open_again, [state.box, clock], shown, **viewing)
        self._names.input(self.reveal, [self._names, self._opened, clock], [self._head], **viewing)
        for verdict, button in self._buttons.items():
            button.click(
                self._judging(verdict),
                [self._opened, self._comment, self._order, clock],
                [*shown, *queued],
                trigger_mode="once",
                **viewing,
            )

    def queue(self, order: str) -> tuple[Update, ...]:
        """Show what waits for a verdict, and the precision of those given."""
        with friendly_errors(self._texts):
            found = self._mart.ask(
                lambda connection: (
                    verdicts.queue(connection, QueueOrder(order), QUEUE_SHOWN),
                    verdicts.latest_precision(connection, JUDGED),
                )
            )
            if found is None:
                return notice(self._words.away, "warning"), gr.skip()
            waiting, precision = found
            return (
                case_render.queue(waiting, self._texts, self._words),
                case_render.precision(precision, self._texts, self._words),
            )

    def open(self, utc_offset_minutes: float, request: gr.Request, event: gr.EventData) -> tuple[Update, ...]:
        """Show the payment whose button was pressed."""
        with friendly_errors(self._texts):
            return self._show(str(event._data["case"]), utc_offset_minutes, request)

    def open_again(self, stored: str, utc_offset_minutes: float, request: gr.Request) -> tuple[Update, ...]:
        """Show the payment that was open on the page in the other language, with the comment that was begun."""
        with friendly_errors(self._texts):
            case_id, comment = value_of(stored, "case_id"), value_of(stored, "comment")
            if not isinstance(case_id, str) or not case_id:
                return skips(14)
            return self._show(case_id, utc_offset_minutes, request, comment=comment if isinstance(comment, str) else "")

    def open_next(self, order: str, utc_offset_minutes: float, request: gr.Request) -> tuple[Update, ...]:
        """Show the first payment of the queue."""
        with friendly_errors(self._texts):
            found = self._mart.ask(lambda connection: verdicts.queue(connection, QueueOrder(order), 1))
            if found is None:
                return self._only_told(notice(self._words.away, "warning"))
            if not found.head:
                return self._only_told(notice(self._words.queue_empty, "done"))
            return self._show(found.head[0].transaction_id, utc_offset_minutes, request)

    def reveal(self, names: bool, opened: Opened, utc_offset_minutes: float, request: gr.Request) -> Update:
        """Show or hide who pays; that it was shown is logged."""
        with friendly_errors(self._texts):
            analyst = self._access.analyst(request)
            if opened is None or analyst is None:
                return gr.skip()
            found = self._read(opened[0])
            if found is None or found[0] is None:
                return gr.skip()
            if names:
                get_logger().info("names_shown", transaction_id=opened[0], analyst=analyst)
            return case_render.head(found[0], self._texts, self._words, names, int(utc_offset_minutes or 0))

    def _judging(self, verdict: Verdict) -> Handler:
        """Return the handler of a verdict's button."""

        def judge(
            opened: Opened, comment: str | None, order: str, utc_offset_minutes: float, request: gr.Request
        ) -> tuple[Update, ...]:
            return self.judge(verdict, opened, comment, order, utc_offset_minutes, request)

        return judge

    def judge(
        self, verdict: Verdict, opened: Opened, comment: str | None, order: str, utc_offset_minutes: float,
        request: gr.Request,
    ) -> tuple[Update, ...]:  # fmt: skip
        """Keep a verdict on the open payment, then show what is there now."""
        words, unchanged = self._words, (gr.skip(), gr.skip())
        with friendly_errors(self._texts):
            analyst, said = self._access.analyst(request), (comment or "").strip()
            if opened is None or analyst is None:
                return *self._only_told(notice(LOGIN_TEXTS[self._texts.language].not_allowed, "warning")), *unchanged
            if len(said) > COMMENT_MAX_CHARACTERS:
                numbers = self._texts.numbers
                characters, limit = numbers.whole(len(said)), numbers.whole(COMMENT_MAX_CHARACTERS)
                sentence = words.too_long.format(characters=characters, limit=limit)
                return *self._only_told(notice(sentence, "warning")), *unchanged
            kept = self._mart.ask(lambda connection: verdicts.give(connection, *opened, verdict, said, analyst))
            if kept is None:
                return *self._only_told(notice(words.keeping_unknown, "warning")), *unchanged
            metrics.VERDICTS.labels(verdict.value).inc(kept)
            get_logger().info("verdict", kept=kept, verdict=verdict.value, transaction_id=opened[0])
            done = notice(words.kept.format(verdict=words.verdicts[verdict]), "done")
            told = done if kept else notice(words.overtaken, "warning")
            return *self._show(opened[0], utc_offset_minutes, request, told, said if not kept else ""), *self.queue(
                order
            )

    def _show(
        self, transaction_id: str, utc_offset_minutes: float, request: gr.Request, told: str = "", comment: str = ""
    ) -> tuple[Update, ...]:
        """Return a payment's case, or why there is none to show."""
        words, found = self._words, self._read(transaction_id)
        if found is None:
            return self._only_told(notice(words.away, "warning"))
        if found[0] is None:
            return self._only_told(notice(words.unknown.format(transaction_id=transaction_id), "warning"))
        return self._all_of(found[0], int(utc_offset_minutes or 0), request, told, comment)

    def _all_of(
        self, case: Case, utc_offset_minutes: int, request: gr.Request, told: str, comment: str
    ) -> tuple[Update, ...]:
        """Return everything about a case, in the order of `shown`."""
        texts, words = self._texts, self._words
        may_judge = self._access.analyst(request) is not None
        chart = payments_chart(case, texts, words)
        judged = bool(case.verdicts) and case.verdicts[-1].verdict != Verdict.RETURNED
        return (
            gr.update(visible=True),
            case_render.head(case, texts, words, False, utc_offset_minutes),
            case_render.reasons(case, texts, words),
            gr.update(visible=False) if chart is None else gr.update(value=chart, visible=True),
            case_render.earlier(case, texts, words),
            case_render.verdicts(case.verdicts, texts, words, utc_offset_minutes),
            told if may_judge else notice(LOGIN_TEXTS[texts.language].not_allowed),
            gr.update(value=comment, visible=may_judge),
            *(gr.update(visible=may_judge, interactive=judged or one is not Verdict.RETURNED) for one in Verdict),
            gr.update(value=False, visible=may_judge and case.payment.customer is not None),
            (case.payment.transaction_id, len(case.verdicts)),
            case.payment.transaction_id,
        )

    def _only_told(self, told: str) -> tuple[Update, ...]:
        """Return a sentence and leave the rest of the case as it is."""
        unchanged = (gr.skip(),)
        return gr.update(visible=True), *unchanged * 5, told, *unchanged * 7

    def _read(self, transaction_id: str) -> tuple[Case | None] | None:
        """Return the case in a tuple (None in it if the payment has no score), or None if the database is away."""
        return self._mart.ask(lambda connection: (read_case(connection, transaction_id),))
