"""The review tab: the queue, a case and its verdicts.

Whoever opens a case locks it for a while: see ui/review/locks.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from services.common.contract.model import Contract
from services.common.logs import get_logger
from ui import metrics
from ui.database import Connection, Database
from ui.login.access import Access
from ui.login.texts import LOGIN_TEXTS
from ui.review import render, verdicts
from ui.review.case import Case, read_case
from ui.review.chart import transactions_chart
from ui.review.features import Features, describe
from ui.review.locks import lock_case, unlock_case
from ui.review.missed import read_missed
from ui.review.queue import CaseQueue, QueueOrder
from ui.review.texts import CASE_TEXTS
from ui.review.verdicts import COMMENT_MAX_CHARACTERS, Verdict
from ui.shell.frame import ADD_UTC_OFFSET, VIEWING, Frame, Update, friendly_errors
from ui.shell.page_state import skips, value_of
from ui.shell.render import hint, notice, section_head, subheading

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

TO_CASE = """() => {
    const card = document.getElementById('case');
    if (!card) return;
    card.tabIndex = -1;
    card.scrollIntoView();
    card.focus();
}"""
"""Brings the case into view and gives it the focus, for its keys (case.js)."""

TO_QUEUE = "() => document.getElementById('take-next')?.focus()"
"""Gives the focus to the queue, once the case is closed."""

EMPTY = Markup()
QUEUE_SHOWN = 10
PRECISION_OF = 100
"""Latest verdicts whose precision is shown."""

CASE_OUTPUTS = 16
"""Components that show a case."""

Handler = Callable[..., tuple[Update, ...]]
Opened = tuple[str, int] | None
"""The open transaction's id, and how many verdicts the reader has seen."""


@dataclass(frozen=True, slots=True)
class Done:
    """Whether a verdict was stored, the case before it (None: no such transaction), and the next case, if any."""

    saved: bool
    case: Case | None
    following: str | None


def build(frame: Frame, *, mart: Database, access: Access, contract: Contract, blind: bool) -> None:
    """Place queue and case, and wire their events; `blind`: with the blind sample in the queue."""
    Review(frame, mart, access, describe(contract, frame.texts.language), blind=blind).wire()


class Review:
    """The tab in one language."""

    def __init__(self, frame: Frame, mart: Database, access: Access, features: Features, *, blind: bool) -> None:
        self._frame, self._texts, self._features = frame, frame.texts, features
        self._mart, self._access = mart, access
        self._blind, self._cases = blind, CaseQueue(blind=blind)
        self._words = CASE_TEXTS[frame.texts.language]
        with gr.Row(elem_id="desk"):
            self._place_queue()
            self._place_case()
        self._opened = gr.State(None)
        self._case_id = gr.Textbox("", visible="hidden")  # outside the card: showing that shows its parts

    def _place_queue(self) -> None:
        words = self._words
        with gr.Column(elem_classes="card", elem_id="review"):
            self._opener = gr.HTML(section_head(words.queue_heading, words.queue_hint), js_on_load=OPENER)
            self._precision = gr.HTML(elem_id="precision")
            self._missed = gr.HTML(elem_id="missed", visible=self._blind)
            with gr.Row(elem_classes="controls"):
                self._order = gr.Dropdown(
                    self._orders(), value=QueueOrder.LATEST.value, label=words.queue_order, elem_id="queue-order"
                )
                self._take = gr.Button(words.take_next, variant="primary", elem_id="take-next")
                self._refresh = gr.Button(words.queue_refresh, elem_id="queue-refresh")
            self._queue = gr.HTML(elem_id="queue")

    def _orders(self) -> list[tuple[str, str]]:
        """Return the orders to choose from: no order by what is not there, or by a score that is hidden."""
        missing = {QueueOrder.AMOUNT: "amount" not in self._texts.columns, QueueOrder.SCORE: self._blind}
        return [(label, order.value) for order, label in self._words.orders.items() if not missing.get(order)]

    def _place_case(self) -> None:
        words, texts = self._words, self._texts
        with gr.Column(elem_classes="card", elem_id="case", visible=False) as self._card:
            self._message = gr.HTML(elem_id="case-message")
            self._head = gr.HTML(elem_id="case-head")
            self._names = gr.Checkbox(False, label=words.show_names, container=False, elem_id="case-names")
            self._reasons = gr.HTML(elem_id="case-reasons")
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
                self._close = gr.Button(words.close, variant="secondary", elem_id="case-close")
            self._keys = gr.HTML(hint(words.keys), elem_id="case-keys")
            gr.HTML(subheading(words.earlier_heading), visible="customer" in texts.columns)
            self._plot = gr.Plot(visible=False, show_label=False, elem_id="case-plot", elem_classes="chart")
            self._earlier = gr.HTML(elem_id="case-earlier")
            self._verdicts = gr.HTML(elem_id="case-verdicts")

    def wire(self) -> None:
        """Wire the events."""
        frame, clock = self._frame, self._frame.clock
        queued: list[Any] = [self._queue, self._precision, self._missed]
        shown: list[Any] = [
            self._card, self._head, self._reasons, self._plot, self._earlier, self._verdicts, self._message,
            self._comment, *self._buttons.values(), self._next, self._keys, self._names, self._opened, self._case_id,
        ]  # fmt: skip
        for event in (frame.page.load, frame.tab.select, self._refresh.click):
            event(self.queue, [self._order], queued, **VIEWING)
        self._order.change(self.queue, [self._order], queued, **VIEWING)
        viewing = {**VIEWING, "js": ADD_UTC_OFFSET}
        frame.page.load(None, js=OPEN_CASES)
        self._opener.click(self.open, [clock], shown, **viewing).then(None, js=TO_CASE)
        for button in (self._take, self._next):
            button.click(
                self.take_next, [self._opened, self._order, clock], [*shown, *queued], trigger_mode="once", **viewing
            ).then(None, js=TO_CASE)
        self._close.click(
            self.close, [self._opened, self._order], [self._card, self._opened, self._case_id, *queued], **VIEWING
        ).then(None, js=TO_QUEUE)
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
            ).then(None, js=TO_CASE)

    def queue(self, order: str, request: gr.Request) -> tuple[Update, ...]:
        """Show the queue, the precision of the latest verdicts, and what the model misses."""
        texts, words, analyst = self._texts, self._words, self._access.analyst(request)
        with friendly_errors(texts):
            found = self._mart.ask(
                lambda connection: (
                    self._cases.read(connection, QueueOrder(order), QUEUE_SHOWN, analyst),
                    verdicts.read_precision(connection, PRECISION_OF),
                    read_missed(connection) if self._blind else None,
                )
            )
            if found is None:
                return notice(words.unavailable, "warning"), *skips(2)
            waiting, precision, missed = found
            return (
                render.queue(waiting, texts, words, blind=self._blind),
                render.precision(precision, texts, words),
                render.missed(missed, texts, words) if self._blind else gr.skip(),
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
                return skips(CASE_OUTPUTS)
            return self._show(case_id, utc_offset_minutes, request, comment=comment if isinstance(comment, str) else "")

    def take_next(
        self, opened: Opened, order: str, utc_offset_minutes: float, request: gr.Request
    ) -> tuple[Update, ...]:
        """Lock the next case of the queue and show it; one that is left without a verdict waits until its lock ends."""
        words, skipped = self._words, opened[0] if opened else None
        with friendly_errors(self._texts):
            analyst = self._access.analyst(request)
            if analyst is None:
                gr.Info(LOGIN_TEXTS[self._texts.language].not_allowed)
                return skips(CASE_OUTPUTS + 3)
            found = self._mart.ask(
                lambda connection: (self._cases.take(connection, QueueOrder(order), analyst, skipped),)
            )
            if found and found[0]:
                return *self._show(found[0], utc_offset_minutes, request), *self.queue(order, request)
            why = notice(words.unavailable, "warning") if found is None else notice(words.nothing_next, "done")
            shown = self._only_message(why) if opened else skips(CASE_OUTPUTS)  # the queue says it too
            return *shown, *self.queue(order, request)

    def close(self, opened: Opened, order: str, request: gr.Request) -> tuple[Update, ...]:
        """Give the case back, and hide it."""
        with friendly_errors(self._texts):
            analyst = self._access.analyst(request)
            if opened and analyst:
                self._mart.ask(lambda connection: unlock_case(connection, opened[0], analyst))
            return gr.update(visible=False), None, "", *self.queue(order, request)

    def reveal(self, names: bool, opened: Opened, utc_offset_minutes: float, request: gr.Request) -> Update:
        """Show or hide what is personal; showing it is logged."""
        with friendly_errors(self._texts):
            analyst = self._access.analyst(request)
            if opened is None or analyst is None:
                return gr.skip()
            found = self._mart.ask(lambda connection: read_case(connection, opened[0]))
            if found is None:
                return gr.skip()
            if names:
                get_logger().info("names_shown", transaction_id=opened[0], analyst=analyst)
            return self._render_head(found, int(utc_offset_minutes or 0), names=names)

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
        """Store a verdict on the open transaction, then show the next case, and the queue as it is now."""
        words = self._words
        with friendly_errors(self._texts):
            analyst, text = self._access.analyst(request), (comment or "").strip()
            if opened is None or analyst is None:
                return *self._only_message(self._not_allowed()), *skips(3)
            if len(text) > COMMENT_MAX_CHARACTERS:
                numbers = self._texts.numbers
                characters, limit = numbers.whole(len(text)), numbers.whole(COMMENT_MAX_CHARACTERS)
                sentence = words.too_long.format(characters=characters, limit=limit)
                return *self._only_message(notice(sentence, "warning")), *skips(3)
            done = self._mart.ask(lambda connection: self._give(connection, verdict, opened, text, analyst, order))
            if done is None:
                return *self._only_message(notice(words.save_unknown, "warning")), *skips(3)
            get_logger().info("verdict_given", saved=done.saved, verdict=verdict.value, transaction_id=opened[0])
            return *self._after(done, verdict, opened[0], text, utc_offset_minutes, request), *self.queue(
                order, request
            )

    def _give(
        self, connection: Connection, verdict: Verdict, opened: tuple[str, int], comment: str, analyst: str, order: str
    ) -> Done:
        """Store a verdict; if the case was awaiting one, lock the next case."""
        before = read_case(connection, opened[0])
        saved = verdicts.save_verdict(connection, *opened, verdict, comment, analyst)
        following = None
        if saved and before and before.awaits_verdict:
            following = self._cases.take(connection, QueueOrder(order), analyst, skipped=opened[0])
        return Done(saved, before, following)

    def _after(
        self, done: Done, verdict: Verdict, judged: str, comment: str, utc_offset_minutes: float, request: gr.Request
    ) -> tuple[Update, ...]:
        """Return the updates that show what follows a verdict: the next case, or else the judged one as it is now."""
        words = self._words
        if not done.saved or done.case is None:
            message = notice(words.overtaken, "warning")
            return self._show(judged, utc_offset_minutes, request, message, comment)
        metrics.VERDICTS.labels(verdict.value).inc()
        message = render.saved(
            done.case, verdict, self._texts, words, reopen=done.following is not None, blind=self._blind
        )
        if done.case.awaits_verdict and done.following is None:
            message += notice(words.nothing_next)
        return self._show(done.following or judged, utc_offset_minutes, request, message)

    def _show(
        self,
        transaction_id: str,
        utc_offset_minutes: float,
        request: gr.Request,
        message: Markup = EMPTY,
        comment: str = "",
    ) -> tuple[Update, ...]:
        """Return the updates that show a case, or why there is none; an analyst locks it."""
        words, analyst = self._words, self._access.analyst(request)

        def read(connection: Connection) -> tuple[Case | None]:
            if analyst is not None:
                lock_case(connection, transaction_id, analyst)
            return (read_case(connection, transaction_id),)

        found = self._mart.ask(read)
        if found is None:
            return self._only_message(notice(words.unavailable, "warning"))
        if found[0] is None:
            return self._only_message(notice(words.unknown.format(transaction_id=transaction_id), "warning"))
        return self._updates(found[0], int(utc_offset_minutes or 0), analyst, message, comment)

    def _updates(
        self, case: Case, utc_offset_minutes: int, analyst: str | None, message: Markup, comment: str
    ) -> tuple[Update, ...]:
        """Return the updates that show a case, in the order of `shown`."""
        texts, words = self._texts, self._words
        chart = transactions_chart(case, texts, words)
        if analyst is None:
            message += self._not_allowed()
        elif case.lock is not None and case.lock.analyst != analyst:
            message += render.locked(case.lock, words, utc_offset_minutes)
        is_judged = not case.awaits_verdict
        may_judge = analyst is not None and (case.lock is None or case.lock.analyst == analyst)
        return (
            gr.update(visible=True),
            self._render_head(case, utc_offset_minutes, names=False),
            render.reasons(case, self._features, texts, words, hidden=self._is_hidden(case)),
            gr.update(visible=False) if chart is None else gr.update(value=chart, visible=True),
            render.earlier(case, texts, words),
            render.verdicts(case.verdicts, texts, words, utc_offset_minutes),
            message,
            gr.update(value=comment, visible=may_judge),
            *(gr.update(visible=may_judge and (one is not Verdict.RETURNED or is_judged)) for one in Verdict),
            gr.update(visible=analyst is not None),
            gr.update(visible=may_judge),
            gr.update(value=False, visible=analyst is not None and texts.has_personal),
            (case.transaction.transaction_id, len(case.verdicts)),
            case.transaction.transaction_id,
        )

    def _render_head(self, case: Case, utc_offset_minutes: int, *, names: bool) -> Markup:
        hidden = self._is_hidden(case)
        return render.head(case, self._texts, self._words, names, utc_offset_minutes, hidden=hidden)

    def _is_hidden(self, case: Case) -> bool:
        """Whether the score must not be seen: it would tell a transaction of the blind sample from an alert."""
        return self._blind and case.awaits_verdict

    def _only_message(self, message: Markup) -> tuple[Update, ...]:
        """Return the updates that show a message and leave the rest of the case as it is."""
        return gr.update(visible=True), *skips(5), message, *skips(CASE_OUTPUTS - 7)

    def _not_allowed(self) -> Markup:
        return notice(LOGIN_TEXTS[self._texts.language].not_allowed)
