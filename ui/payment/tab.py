"""The tab for a single transaction: a form, and the answer with score and reasons."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from services.common.contract.model import Contract
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
from ui.review.case import Case, read_case
from ui.review.features import describe
from ui.review.texts import CASE_TEXTS
from ui.shell.frame import ADD_UTC_OFFSET, NO_PROGRESS, VIEWING, Frame, Update, friendly_errors
from ui.shell.page_state import skips, value_of
from ui.shell.render import case_button, hint, notice, progress, section_head
from ui.shell.texts import Texts

TITLES = {"ru": "Одна транзакция", "en": "Single transaction"}
TAB = "payment"

REQUIRED_MARK = " *"

SENT_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Examples:
    """What the form is filled with, as text by field: at first, and to show a fraud, if the model knows one."""

    usual: Mapping[str, str]
    flagged: Mapping[str, str] | None


def build(
    frame: Frame,
    *,
    mart: Database,
    access: Access,
    pay: payment.Send,
    contract: Contract,
    examples: Examples,
    stop: StopSignal,
) -> None:
    """Place the form and wire its events."""
    PaymentForm(frame, mart, access, pay, contract, examples, stop).wire()


class PaymentForm:
    """The tab in one language: a field for each of the contract's."""

    def __init__(
        self,
        frame: Frame,
        mart: Database,
        access: Access,
        pay: payment.Send,
        contract: Contract,
        examples: Examples,
        stop: StopSignal,
    ) -> None:
        self._frame, self._texts = frame, frame.texts
        self._mart, self._access, self._pay, self._stop = mart, access, pay, stop
        self._contract, self._examples = contract, examples
        self._labels = labels(contract, frame.texts.language)
        words = self._words = PAYMENT_TEXTS[frame.texts.language]
        self._fields: dict[str, Any] = {}
        first, others = in_order_of_weight(contract)
        with gr.Column(elem_classes="card", elem_id="payment"):
            gr.HTML(
                section_head(words.heading, f"{words.hint} {words.hint_history}" if contract.record.key else words.hint)
            )
            with gr.Row(elem_classes="fields"):
                self._place(first)
            if others:
                with gr.Accordion(words.more, open=False), gr.Row(elem_classes="fields"):
                    self._place(others)
            with gr.Row(elem_classes="controls"):
                self._send = gr.Button(words.send, variant="primary", elem_id="pay")
                self._suspicious = gr.Button(words.suspicious, visible=bool(examples.flagged), elem_id="suspicious")
            self._answer = gr.HTML(elem_id="payment-answer")
            self._sent = gr.Textbox("", visible="hidden")

    def _place(self, fields: tuple[str, ...]) -> None:
        time = self._contract.record.event_time
        for field in fields:
            spec, place = self._contract.fields[field], len(self._fields)
            name = f"pay-{field if field.isidentifier() else place}"
            label = self._labels[field]
            if field in self._contract.required and field != time:
                label += REQUIRED_MARK
            value = "" if field == time else self._examples.usual[field]
            if spec.values:
                self._fields[field] = gr.Dropdown(
                    sorted(spec.values), value=value or None, label=label, allow_custom_value=True, elem_id=name
                )
            else:
                placeholder = self._words.time_hint if field == time else None
                self._fields[field] = gr.Textbox(value, label=label, placeholder=placeholder, max_lines=1, elem_id=name)

    def wire(self) -> None:
        """Wire the events."""
        clock, state = self._frame.clock, self._frame.state
        fields = [self._fields[field] for field in self._contract.fields]
        state.restore(**{f"pay-{field}": component for field, component in self._fields.items()})
        state.store(sent=self._sent)
        if self._contract.record.event_time:
            moment = self._fields[self._contract.record.event_time]
            state.after_restore(self.now, [moment, clock], [moment], js=ADD_UTC_OFFSET, **VIEWING)
        state.box.change(self.show_again, [state.box], [self._answer, self._sent], **VIEWING)
        self._suspicious.click(self.suspicious, [clock], fields, js=ADD_UTC_OFFSET, **VIEWING)
        shown = [self._answer, self._sent]
        self._send.click(
            self.send, [*fields, clock], shown, js=ADD_UTC_OFFSET, concurrency_limit=SENT_AT_ONCE, **NO_PROGRESS
        )

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
            return self._answered(Answer(found[0] if found else None, sent.scored), sent)

    def suspicious(self, utc_offset_minutes: float) -> tuple[str, ...]:
        """Return the fields of a transaction that the model flags, yesterday."""
        fields = dict(self._examples.flagged or self._examples.usual)
        if time := self._contract.record.event_time:
            fields[time] = payment.yesterday_at(fields[time], int(utc_offset_minutes or 0))
        return tuple(fields.values())

    def send(self, request: gr.Request, *values: Any) -> Iterator[tuple[str, str]]:
        """Send the transaction, by default at the present time, and yield its progress and its answer."""
        with friendly_errors(self._texts):
            if self._access.analyst(request) is None:
                yield notice(LOGIN_TEXTS[self._texts.language].not_allowed, "warning"), ""
                return
            *texts, utc_offset_minutes = values
            fields = dict(zip(self._contract.fields, map(_text, texts), strict=True))
            if time := self._contract.record.event_time:
                fields[time] = fields[time] or payment.time_now(int(utc_offset_minutes or 0))
            try:
                message = payment.compose(fields, self._contract)
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
        yield self._answered(answer, sent)

    def _answered(self, answer: Answer, sent: SentTransaction) -> tuple[str, str]:
        """Return the answer as HTML, and the transaction for the page in the other language."""
        return answer_html(answer, sent, self._contract, self._texts), sent.dump()

    def _bad_field(self, bad: BadRow) -> str:
        """Return what is wrong with which field, in words."""
        reason = self._texts.row_refusals[bad.reason]
        return self._words.bad_field.format(field=self._labels.get(bad.field, bad.field), reason=reason)


def labels(contract: Contract, language: str) -> dict[str, str]:
    """Return the name of each field in a language; its own where the contract has none."""
    return {field: getattr(spec.label, language) if spec.label else field for field, spec in contract.fields.items()}


def in_order_of_weight(contract: Contract) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields that are always visible, and the others.

    Visible is what is required, whose past counts, and what a person looks for first; all if there is nothing of it.
    """
    roles = contract.roles
    visible = {*contract.required, *contract.record.key, roles.amount, roles.category, roles.merchant} & set(
        contract.fields
    )
    first = tuple(field for field in contract.fields if field in visible or not visible)
    return first, tuple(field for field in contract.fields if field not in first)


def answer_html(answer: Answer, sent: SentTransaction, contract: Contract, texts: Texts) -> Markup:
    """Return the score with its reasons, the customer's history if the contract has a key, and the latency."""
    case, numbers, words = answer.case, texts.numbers, PAYMENT_TEXTS[texts.language]
    if case is None:
        seconds = numbers.whole(round(answer.milliseconds / 1000))
        return notice(words.no_score.format(seconds=seconds, transaction_id=sent.transaction_id), "warning")
    flagged = bool(case.transaction.fraud_flag)
    score = (words.answer_flagged if flagged else words.answer).format(score=numbers.decimal(case.transaction.score, 3))
    latency = words.latency.format(accepted=numbers.whole(sent.accepted), scored=numbers.whole(answer.milliseconds))
    features = describe(contract, texts.language)
    reasons = render.reasons(case, features, texts, CASE_TEXTS[texts.language]) if flagged else Markup()
    return Markup('<p class="answer {}" role="status">{}</p>{}{}{}<p>{}</p>').format(
        "flagged" if flagged else "calm",
        score,
        hint(_history(case, texts, words)) if contract.record.key else Markup(),
        hint(latency),
        reasons,
        case_button(sent.transaction_id, words.open),
    )


def _history(case: Case, texts: Texts, words: PaymentTexts) -> str:
    """Return how much of the customer's history the score takes into account."""
    if case.transaction.customer is None:
        return words.history_unknown
    if not case.earlier_count:
        return words.history_empty
    return words.history.format(transactions_counted=texts.numbers.counted(case.earlier_count, texts.transaction_forms))


def _text(value: Any) -> str:
    return "" if value is None else str(value)
