"""The tab of the payment by hand. Knows the form and its answers, not how a payment reaches Kafka."""

import time
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import gradio as gr

from services.common.contract import FIELDS
from services.common.errors import Retry, Stop
from services.common.logs import get_logger
from services.common.process import StopSignal
from services.sender.report import BadRow
from ui.database import Database
from ui.login.access import Access
from ui.login.texts import LOGIN_TEXTS
from ui.payment import payment as byhand
from ui.payment.payment import Message, Paid, PaymentScore
from ui.payment.texts import BYHAND_TEXTS
from ui.review import render as case_render
from ui.review.case import read_case
from ui.review.texts import CASE_TEXTS
from ui.shell.frame import ADD_UTC_OFFSET, NO_PROGRESS, VIEWING, Frame, Update, friendly_errors
from ui.shell.page_state import skips, value_of
from ui.shell.render_old import case_button, hint, notice, progress, section_head

TITLES = {"ru": "Один платёж", "en": "One payment"}
TAB = "byhand"

FIRST = ("amount", "cat_id", "transaction_time", "merch", "name_1", "name_2", "street")
"""The fields in sight; without the last three nobody's past is known."""

PAYMENTS_AT_ONCE = 4


def build(
    frame: Frame, *, mart: Database, access: Access, pay: byhand.Send, categories: Sequence[str], stop: StopSignal
) -> None:
    """Place the form and wire its events."""
    ByHand(frame, mart, access, pay, categories, stop).wire()


class ByHand:
    """The tab in one language."""

    def __init__(
        self,
        frame: Frame,
        mart: Database,
        access: Access,
        pay: byhand.Send,
        categories: Sequence[str],
        stop: StopSignal,
    ) -> None:
        self._frame, self._texts = frame, frame.texts
        self._mart, self._access, self._pay, self._categories, self._stop = mart, access, pay, categories, stop
        words = self._words = BYHAND_TEXTS[frame.texts.language]
        self._fields: dict[str, Any] = {}
        with gr.Column(elem_classes="card", elem_id="byhand"):
            gr.HTML(section_head(words.heading, words.hint))
            with gr.Row(elem_classes="fields"):
                self._place(FIRST)
            with gr.Accordion(words.more, open=False), gr.Row(elem_classes="fields"):
                self._place(tuple(field for field in byhand.DEFAULTS if field not in FIRST))
            with gr.Row(elem_classes="controls"):
                self._send = gr.Button(words.send, variant="primary", elem_id="pay")
                self._suspicious = gr.Button(words.suspicious, elem_id="suspicious")
            self._told = gr.HTML(elem_id="paid")
            self._paid = gr.Textbox("", visible="hidden")

    def _place(self, fields: tuple[str, ...]) -> None:
        words = self._words
        for field in fields:
            label, value, name = words.fields[field], byhand.DEFAULTS[field], f"pay-{field}"
            if field == "cat_id":
                choices = list(self._categories)
                self._fields[field] = gr.Dropdown(
                    choices, value=value, label=label, allow_custom_value=True, elem_id=name
                )
            else:
                placeholder = words.time_hint if field == "transaction_time" else None
                self._fields[field] = gr.Textbox(value, label=label, placeholder=placeholder, max_lines=1, elem_id=name)

    def wire(self) -> None:
        """Wire the events."""
        clock, moment = self._frame.clock, self._fields["transaction_time"]
        state = self._frame.state
        state.restore(**{f"pay-{field}": component for field, component in self._fields.items()})
        state.store(paid=self._paid)
        state.after_restore(self.now, [moment, clock], [moment], js=ADD_UTC_OFFSET, **VIEWING)
        state.box.change(self.show_again, [state.box], [self._told, self._paid], **VIEWING)
        filled = [*(self._fields[field] for field in byhand.SUSPICIOUS), moment]
        self._suspicious.click(self.suspicious, [clock], filled, js=ADD_UTC_OFFSET, **VIEWING)
        inputs = [*(self._fields[field] for field in FIELDS), clock]
        told = [self._told, self._paid]
        self._send.click(self.send, inputs, told, js=ADD_UTC_OFFSET, concurrency_limit=PAYMENTS_AT_ONCE, **NO_PROGRESS)

    def now(self, moment: str | None, utc_offset_minutes: float) -> str:
        """Fill in the reader's clock, unless there is a time."""
        return moment or byhand.time_now(int(utc_offset_minutes or 0))

    def show_again(self, stored: str) -> tuple[Update, ...]:
        """Show the answer to the payment that was sent on the page in the other language."""
        with friendly_errors(self._texts):
            paid = Paid.read(value_of(stored, "paid"))
            if paid is None:
                return skips(2)
            found = self._mart.ask(lambda connection: (read_case(connection, paid.transaction_id),))
            answer = PaymentScore(found[0] if found else None, paid.scored)
            return self._answer(answer, paid.transaction_id, paid.accepted), paid.written()

    def suspicious(self, utc_offset_minutes: float) -> tuple[str, ...]:
        """Fill in what looks like a fraud."""
        return *byhand.SUSPICIOUS.values(), byhand.time_at_night(int(utc_offset_minutes or 0))

    def send(self, request: gr.Request, *values: Any) -> Iterator[tuple[str, str]]:
        """Send the payment and tell what became of it; without a time it is made now."""
        with friendly_errors(self._texts):
            if self._access.analyst(request) is None:
                yield notice(LOGIN_TEXTS[self._texts.language].not_allowed, "warning"), ""
                return
            *texts, utc_offset_minutes = values
            fields = dict(zip(FIELDS, map(_text, texts), strict=True))
            fields["transaction_time"] = fields["transaction_time"] or byhand.time_now(int(utc_offset_minutes or 0))
            try:
                message = byhand.compose(fields, self._categories)
            except BadRow as bad:
                yield notice(self._bad_field(bad), "warning"), ""
                return
            yield progress(self._words.sending, "", None), ""
            yield from self._sent(message)

    def _sent(self, message: Message) -> Iterator[tuple[str, str]]:
        """Send, wait for the score, and yield how it goes."""
        words, numbers, started = self._words, self._texts.numbers, time.monotonic()
        try:
            self._pay(message.key, message.value)
        except (Retry, Stop) as error:
            get_logger().warning("payment_not_sent", reason=str(error))
            yield notice(words.away if isinstance(error, Retry) else words.refuses, "warning"), ""
            return
        accepted = round((time.monotonic() - started) * 1000)
        paid = Paid(message.transaction_id, accepted)
        yield progress(words.waiting.format(milliseconds=numbers.whole(accepted)), "", None), paid.written()
        answer = byhand.await_answer(self._mart, message.transaction_id, self._stop)
        paid = Paid(message.transaction_id, accepted, answer.milliseconds)
        yield self._answer(answer, message.transaction_id, accepted), paid.written()

    def _answer(self, answer: PaymentScore, transaction_id: str, accepted: int) -> str:
        """Return the score with its reasons, its past, and how long it took."""
        words, texts, case = self._words, self._texts, answer.case
        numbers = texts.numbers
        if case is None:
            seconds = numbers.whole(round(answer.milliseconds / 1000))
            return notice(words.no_score.format(seconds=seconds, transaction_id=transaction_id), "warning")
        flagged = bool(case.payment.fraud_flag)
        sentence = words.answer_flagged if flagged else words.answer
        score = sentence.format(score=numbers.decimal(case.payment.score, 3))
        past = words.past_first
        if case.payment.customer is None:
            past = words.past_unknown
        elif case.earlier_count:
            past = words.past.format(payments_counted=numbers.counted(case.earlier_count, texts.payment_forms))
        latency = words.latency.format(accepted=numbers.whole(accepted), scored=numbers.whole(answer.milliseconds))
        reasons = case_render.reasons(case, texts, CASE_TEXTS[texts.language]) if flagged else ""
        return (
            f'<p class="answer {"flagged" if flagged else "calm"}" role="status">{escape(score)}</p>'
            f"{hint(past)}{hint(latency)}{reasons}"
            f"<p>{case_button(transaction_id, words.open)}</p>"
        )

    def _bad_field(self, bad: BadRow) -> str:
        """Return what is wrong with which field, in words."""
        reason = self._texts.row_refusals[bad.reason]
        return self._words.bad_field.format(field=self._words.fields.get(bad.field, bad.field), reason=reason)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
