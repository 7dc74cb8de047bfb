"""The review tab: the queue, a case and its verdicts."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from markupsafe import Markup

from services.common.contract.model import Contract
from services.common.logs import get_logger
from ui import metrics
from ui.database import Database
from ui.login.access import Access
from ui.login.texts import LOGIN_TEXTS
from ui.review import render, verdicts
from ui.review.case import Case, read_case
from ui.review.chart import transactions_chart
from ui.review.features import Features, describe
from ui.review.texts import CASE_TEXTS
from ui.review.verdicts import COMMENT_MAX_CHARACTERS, QueueOrder, Verdict
from ui.shell.frame import ADD_UTC_OFFSET, VIEWING, Frame, Update, friendly_errors
from ui.shell.page_state import skips, value_of
from ui.shell.render import notice, section_head, subheading

TAB = "cases"
TITLES = {"ru": "Разбор", "en": "Review"}
"""The tab's id, and its title by language."""

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
"""Lets any button of the page with data-case open that case; waits for the tab, which is built when first shown."""

OPENER = """
element.dataset.opensCases = '';
element.addEventListener('open-case', (event) => trigger('click', {case: event.detail}));
"""
"""Makes an open-case event of the section's head a click that carries the case's id."""

TO_CASE = "() => { const card = document.getElementById('case'); if (card) { card.scrollIntoView(); card.focus(); } }"
"""Brings the case into view and gives it the focus."""

EMPTY = Markup()
QUEUE_SHOWN = 10
PRECISION_OF = 100
"""Latest verdicts whose precision is shown."""

Handler = Callable[..., tuple[Update, ...]]
Opened = tuple[str, int] | None
"""The open transaction's id, and how many verdicts the reader has seen."""


def build(frame: Frame, *, mart: Database, access: Access, contract: Contract) -> None:
    """Place queue and case, and wire their events."""
    Review(frame, mart, access, describe(contract, frame.texts.language)).wire()


class Review:
    """The tab in one language."""

    def __init__(self, frame: Frame, mart: Database, access: Access, features: Features) -> None:
        self._frame, self._texts, self._features = frame, frame.texts, features
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
                choices = [
                    (label, order.value)
                    for order, label in words.orders.items()
                    if order is not QueueOrder.AMOUNT or "amount" in self._texts.columns
                ]
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
            gr.HTML(subheading(words.earlier_heading), visible="customer" in texts.columns)
            self._plot = gr.Plot(visible=False, show_label=False, elem_id="case-plot", elem_classes="chart")
            self._earlier = gr.HTML(elem_id="case-earlier")
            gr.HTML(subheading(words.verdict_heading))
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
            self._message = gr.HTML(elem_id="case-message")
            self._verdicts = gr.HTML(elem_id="case-verdicts")
            self._opened = gr.State(None)
            self._case_id = gr.Textbox("", visible="hidden")

    def wire(self) -> None:
        """Wire the events."""
        frame, clock = self._frame, self._frame.clock
        queued: list[Any] = [self._queue, self._precision]
        shown: list[Any] = [
            self._card, self._head, self._reasons, self._plot, self._earlier, self._verdicts, self._message,
            self._comment, *self._buttons.values(), self._names, self._opened, self._case_id,
        ]  # fmt: skip
        for event in (frame.page.load, frame.tab.select, self._refresh.click):
            event(self.queue, [self._order], queued, **VIEWING)
        self._order.change(self.queue, [self._order], queued, **VIEWING)
        viewing = {**VIEWING, "js": ADD_UTC_OFFSET}
        frame.page.load(None, js=OPEN_CASES)
        self._opener.click(self.open, [clock], shown, **viewing).then(None, js=TO_CASE)
        self._next.click(self.open_next, [self._order, clock], shown, **viewing).then(None, js=TO_CASE)
        state = frame.state
        state.restore(queue_order=self._order)
        state.store(case_id=self._case_id, comment=self._comment)
        state.box.change(self.reopen, [state.box, clock], shown, **viewing)
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
        """Show the queue and the precision of the latest verdicts."""
        with friendly_errors(self._texts):
            found = self._mart.ask(
                lambda connection: (
                    verdicts.read_queue(connection, QueueOrder(order), QUEUE_SHOWN),
                    verdicts.read_precision(connection, PRECISION_OF),
                )
            )
            if found is None:
                return notice(self._words.unavailable, "warning"), gr.skip()
            waiting, precision = found
            return (
                render.queue(waiting, self._texts, self._words),
                render.precision(precision, self._texts, self._words),
            )

    def open(self, utc_offset_minutes: float, request: gr.Request, event: gr.EventData) -> tuple[Update, ...]:
        """Show the case whose button was pressed."""
        with friendly_errors(self._texts):
            return self._show(str(event._data["case"]), utc_offset_minutes, request)

    def reopen(self, stored: str, utc_offset_minutes: float, request: gr.Request) -> tuple[Update, ...]:
        """Show the case that was open on the page in the other language, with its unfinished comment."""
        with friendly_errors(self._texts):
            case_id, comment = value_of(stored, "case_id"), value_of(stored, "comment")
            if not isinstance(case_id, str) or not case_id:
                return skips(14)
            return self._show(case_id, utc_offset_minutes, request, comment=comment if isinstance(comment, str) else "")

    def open_next(self, order: str, utc_offset_minutes: float, request: gr.Request) -> tuple[Update, ...]:
        """Show the first case of the queue."""
        with friendly_errors(self._texts):
            found = self._mart.ask(lambda connection: verdicts.read_queue(connection, QueueOrder(order), 1))
            if found is None:
                return self._only_message(notice(self._words.unavailable, "warning"))
            if not found.head:
                return self._only_message(notice(self._words.queue_empty, "done"))
            return self._show(found.head[0].transaction_id, utc_offset_minutes, request)

    def reveal(self, names: bool, opened: Opened, utc_offset_minutes: float, request: gr.Request) -> Update:
        """Show or hide what is personal; showing it is logged."""
        with friendly_errors(self._texts):
            analyst = self._access.analyst(request)
            if opened is None or analyst is None:
                return gr.skip()
            found = self._read(opened[0])
            if found is None or found[0] is None:
                return gr.skip()
            if names:
                get_logger().info("names_shown", transaction_id=opened[0], analyst=analyst)
            return render.head(found[0], self._texts, self._words, names, int(utc_offset_minutes or 0))

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
        """Store a verdict on the open transaction, then show the case and the queue as they are now."""
        words, unchanged = self._words, (gr.skip(), gr.skip())
        with friendly_errors(self._texts):
            analyst, text = self._access.analyst(request), (comment or "").strip()
            if opened is None or analyst is None:
                return *self._only_message(notice(LOGIN_TEXTS[self._texts.language].not_allowed, "warning")), *unchanged
            if len(text) > COMMENT_MAX_CHARACTERS:
                numbers = self._texts.numbers
                characters, limit = numbers.whole(len(text)), numbers.whole(COMMENT_MAX_CHARACTERS)
                sentence = words.too_long.format(characters=characters, limit=limit)
                return *self._only_message(notice(sentence, "warning")), *unchanged
            saved = self._mart.ask(
                lambda connection: verdicts.save_verdict(connection, *opened, verdict, text, analyst)
            )
            if saved is None:
                return *self._only_message(notice(words.save_unknown, "warning")), *unchanged
            get_logger().info("verdict_given", saved=saved, verdict=verdict.value, transaction_id=opened[0])
            if saved:
                metrics.VERDICTS.labels(verdict.value).inc()
                text, message = "", notice(words.saved.format(verdict=words.verdicts[verdict]), "done")
            else:
                message = notice(words.overtaken, "warning")
            return *self._show(opened[0], utc_offset_minutes, request, message, text), *self.queue(order)

    def _show(
        self,
        transaction_id: str,
        utc_offset_minutes: float,
        request: gr.Request,
        message: Markup = EMPTY,
        comment: str = "",
    ) -> tuple[Update, ...]:
        """Return the updates that show a case, or why there is none."""
        words, found = self._words, self._read(transaction_id)
        if found is None:
            return self._only_message(notice(words.unavailable, "warning"))
        if found[0] is None:
            return self._only_message(notice(words.unknown.format(transaction_id=transaction_id), "warning"))
        return self._updates(found[0], int(utc_offset_minutes or 0), request, message, comment)

    def _updates(
        self, case: Case, utc_offset_minutes: int, request: gr.Request, message: Markup, comment: str
    ) -> tuple[Update, ...]:
        """Return the updates that show a case, in the order of `shown`."""
        texts, words = self._texts, self._words
        may_judge = self._access.analyst(request) is not None
        chart = transactions_chart(case, texts, words)
        judged = bool(case.verdicts) and case.verdicts[-1].verdict != Verdict.RETURNED
        return (
            gr.update(visible=True),
            render.head(case, texts, words, False, utc_offset_minutes),
            render.reasons(case, self._features, texts, words),
            gr.update(visible=False) if chart is None else gr.update(value=chart, visible=True),
            render.earlier(case, texts, words),
            render.verdicts(case.verdicts, texts, words, utc_offset_minutes),
            message if may_judge else notice(LOGIN_TEXTS[texts.language].not_allowed),
            gr.update(value=comment, visible=may_judge),
            *(gr.update(visible=may_judge, interactive=judged or one is not Verdict.RETURNED) for one in Verdict),
            gr.update(value=False, visible=may_judge and texts.has_personal),
            (case.transaction.transaction_id, len(case.verdicts)),
            case.transaction.transaction_id,
        )

    def _only_message(self, message: Markup) -> tuple[Update, ...]:
        """Return the updates that show a message and leave the rest of the case as it is."""
        unchanged = (gr.skip(),)
        return gr.update(visible=True), *unchanged * 5, message, *unchanged * 7

    def _read(self, transaction_id: str) -> tuple[Case | None] | None:
        """Return the case in a tuple, (None,) if the transaction has no score; None if the database is unavailable."""
        return self._mart.ask(lambda connection: (read_case(connection, transaction_id),))
