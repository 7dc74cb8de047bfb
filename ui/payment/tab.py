"""The tab for a single transaction: a form, and the answer with score and reasons."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from services.common.contract.cards import FIELDS
from services.common.errors import Retry, Stop
from services.common.logs import get_logger
from services.common.process import StopSignal
from services.sender.report import BadRow
from ui.database import Database
from ui.login.access import Access
from ui.login.texts import LOGIN_TEXTS
from ui.payment import payment
from ui.payment.payment import Answer, Message, SentTransaction
from ui.payment.texts import PAYMENT_TEXTS, PaymentTexts
from ui.review import render
from ui.review.case import read_case
from ui.review.texts import CASE_TEXTS
from ui.shell.frame import ADD_UTC_OFFSET, NO_PROGRESS, VIEWING, Frame, Update, friendly_errors
from ui.shell.page_state import skips, value_of
from ui.shell.render import case_button, hint, notice, progress, section_head
from ui.shell.texts import Texts

TITLES = {"ru": "Одна транзакция", "en": "Single transaction"}
TAB = "payment"

FIRST = ("amount", "cat_id", "transaction_time", "merch", "name_1", "name_2", "street")
"""The fields that are always visible; without the last three there is no history."""

SENT_AT_ONCE = 4


def build(
    frame: Frame, *, mart: Database, access: Access, pay: payment.Send, categories: Sequence[str], stop: StopSignal
) -> None:
    """Place the form and wire its events."""
    PaymentForm(frame, mart, access, pay, categories, stop).wire()


class PaymentForm:
    """The tab in one language."""

    def __init__(
        self,
        frame: Frame,
        mart: Database,
        access: Access,
        pay: payment.Send,
        categories: Sequence[str],
        stop: StopSignal,
    ) -> None:
        self._frame, self._texts = frame, frame.texts
        self._mart, self._access, self._pay, self._categories, self._stop = mart, access, pay, categories, stop
        words = self._words = PAYMENT_TEXTS[frame.texts.language]
        self._fields: dict[str, Any] = {}
        with gr.Column(elem_classes="card", elem_id="payment"):
            gr.HTML(section_head(words.heading, words.hint))
            with gr.Row(elem_classes="fields"):
                self._place(FIRST)
            with gr.Accordion(words.more, open=False), gr.Row(elem_classes="fields"):
                self._place(tuple(field for field in payment.DEFAULTS if field not in FIRST))
            with gr.Row(elem_classes="controls"):
                self._send = gr.Button(words.send, variant="primary", elem_id="pay")
                self._suspicious = gr.Button(words.suspicious, elem_id="suspicious")
            self._answer = gr.HTML(elem_id="payment-answer")
            self._sent = gr.Textbox("", visible="hidden")

    def _place(self, fields: tuple[str, ...]) -> None:
        words = self._words
        for field in fields:
            label, value, name = words.fields[field], payment.DEFAULTS[field], f"pay-{field}"
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
        state.store(sent=self._sent)
        state.after_restore(self.now, [moment, clock], [moment], js=ADD_UTC_OFFSET, **VIEWING)
        state.box.change(self.show_again, [state.box], [self._answer, self._sent], **VIEWING)
        filled = [*(self._fields[field] for field in payment.SUSPICIOUS), moment]
        self._suspicious.click(self.suspicious, [clock], filled, js=ADD_UTC_OFFSET, **VIEWING)
        inputs = [*(self._fields[field] for field in FIELDS), clock]
        shown = [self._answer, self._sent]
        self._send.click(self.send, inputs, shown, js=ADD_UTC_OFFSET, concurrency_limit=SENT_AT_ONCE, **NO_PROGRESS)

    def now(self, moment: str | None, utc_offset_minutes: float) -> str:
        """Return the time in the form, or that of the reader's clock if there is none."""
        return moment or payment.time_now(int(utc_offset_minutes or 0))

    def show_again(self, stored: str) -> tuple[Update, ...]:
        """Show the answer to the transaction that was sent on the page in the other language."""
        with friendly_errors(self._texts):
            sent = SentTransaction.load(value_of(stored, "sent"))
            if sent is None:
                return skips(2)
            found = self._mart.ask(lambda connection: (read_case(connection, sent.transaction_id),))
            return answer_html(
                Answer(found[0] if found else None, sent.scored), sent, self._texts, self._words
            ), sent.dump()

    def suspicious(self, utc_offset_minutes: float) -> tuple[str, ...]:
        """Return values that look like fraud."""
        return *payment.SUSPICIOUS.values(), payment.time_at_night(int(utc_offset_minutes or 0))

    def send(self, request: gr.Request, *values: Any) -> Iterator[tuple[str, str]]:
        """Send the transaction, by default at the present time, and yield its progress and its answer."""
        with friendly_errors(self._texts):
            if self._access.analyst(request) is None:
                yield notice(LOGIN_TEXTS[self._texts.language].not_allowed, "warning"), ""
                return
            *texts, utc_offset_minutes = values
            fields = dict(zip(FIELDS, map(_text, texts), strict=True))
            fields["transaction_time"] = fields["transaction_time"] or payment.time_now(int(utc_offset_minutes or 0))
            try:
                message = payment.compose(fields, self._categories)
            except BadRow as bad:
                yield notice(self._bad_field(bad), "warning"), ""
                return
            yield progress(self._words.sending, "", None), ""
            yield from self._send_message(message)

    def _send_message(self, message: Message) -> Iterator[tuple[str, str]]:
        words, numbers, started = self._words, self._texts.numbers, time.monotonic()
        try:
            self._pay(message.key, message.value)
        except (Retry, Stop) as error:
            get_logger().warning("transaction_not_sent", reason=str(error))
            yield notice(words.kafka_unavailable if isinstance(error, Retry) else words.kafka_refused, "warning"), ""
            return
        accepted = round((time.monotonic() - started) * 1000)
        sent = SentTransaction(message.transaction_id, accepted)
        yield progress(words.waiting.format(milliseconds=numbers.whole(accepted)), "", None), sent.dump()
        answer = payment.await_answer(self._mart, message.transaction_id, self._stop)
        sent = SentTransaction(message.transaction_id, accepted, answer.milliseconds)
        yield answer_html(answer, sent, self._texts, words), sent.dump()

    def _bad_field(self, bad: BadRow) -> str:
        """Return what is wrong with which field, in words."""
        reason = self._texts.row_refusals[bad.reason]
        return self._words.bad_field.format(field=self._words.fields.get(bad.field, bad.field), reason=reason)


def answer_html(answer: Answer, sent: SentTransaction, texts: Texts, words: PaymentTexts) -> Markup:
    """Return the score with its reasons, the customer's history, and the latency."""
    case, numbers = answer.case, texts.numbers
    if case is None:
        seconds = numbers.whole(round(answer.milliseconds / 1000))
        return notice(words.no_score.format(seconds=seconds, transaction_id=sent.transaction_id), "warning")
    flagged = bool(case.transaction.fraud_flag)
    score = (words.answer_flagged if flagged else words.answer).format(score=numbers.decimal(case.transaction.score, 3))
    history = words.history_empty
    if case.transaction.customer is None:
        history = words.history_unknown
    elif case.earlier_count:
        counted = numbers.counted(case.earlier_count, texts.transaction_forms)
        history = words.history.format(transactions_counted=counted)
    latency = words.latency.format(accepted=numbers.whole(sent.accepted), scored=numbers.whole(answer.milliseconds))
    reasons = render.reasons(case, texts, CASE_TEXTS[texts.language]) if flagged else Markup()
    return Markup('<p class="answer {}" role="status">{}</p>{}{}{}<p>{}</p>').format(
        "flagged" if flagged else "calm",
        score,
        hint(history),
        hint(latency),
        reasons,
        case_button(sent.transaction_id, words.open),
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)
