"""Turns the queue and a case into HTML. Pure; everything that came from outside is escaped. Knows no Gradio."""

from collections.abc import Sequence
from html import escape

from ui.login.access import NO_LOGIN
from ui.review.case import Case, Earlier, Payment
from ui.review.reasons import REASON_TEXTS, in_words
from ui.review.texts import CaseTexts
from ui.review.verdicts import Given, Precision, Queue, QueuedCase, Verdict
from ui.shell.formats import local_clock
from ui.shell.render_old import MERCHANT_PREFIX, case_button, hint, notice, table
from ui.shell.texts import Texts

SHOWN_EARLIER = 10

_MISSING = "—"
_HIDDEN = "•••"


def queue(found: Queue, texts: Texts, words: CaseTexts) -> str:
    """Return the queue: how many wait, and a table of the first ones with a button each."""
    if not found.head:
        return notice(words.queue_empty, "done")
    numbers = texts.numbers
    sentence = (words.waiting_more if found.more else words.waiting).format(
        waiting=numbers.whole(found.waiting), shown=numbers.whole(len(found.head))
    )
    heads = (
        (texts.column_time, "time"),
        (texts.column_amount, "number"),
        (texts.column_category, "text"),
        (texts.column_merchant, "merchant"),
        (texts.column_state, "text side"),
        (texts.column_score, "score"),
        (words.column_open, "open side"),
    )
    rows = (_waiting_cells(row, texts, words) for row in found.head)
    return table(heads, rows, sentence, kind="payments")


def precision(found: Precision, texts: Texts, words: CaseTexts) -> str:
    """Return the precision of the latest verdicts as a sentence."""
    if not found.judged:
        return hint(words.precision_none)
    numbers = texts.numbers
    low, high = found.interval()
    sentence = words.precision.format(
        judged=numbers.whole(found.judged),
        frauds=numbers.whole(found.frauds),
        share=_percent(found.share, texts),
        low=_percent(low, texts),
        high=_percent(high, texts),
    )
    return f'<p class="precision">{escape(sentence)}</p>'


def head(case: Case, texts: Texts, words: CaseTexts, names_shown: bool, utc_offset_minutes: int) -> str:
    """Return what is known of the payment; name and street are masked unless asked for."""
    numbers, payment = texts.numbers, case.payment
    amount = _MISSING if payment.amount is None else numbers.decimal(payment.amount, 2)
    status = words.flagged if payment.fraud_flag else words.not_flagged
    place = ", ".join(filter(None, (payment.city, payment.state)))
    facts = (
        (texts.column_time, _MISSING if payment.event_time is None else numbers.date_time(payment.event_time)),
        (texts.column_merchant, (payment.merchant or _MISSING).removeprefix(MERCHANT_PREFIX)),
        (texts.column_category, payment.category or _MISSING),
        (words.where, place or _MISSING),
        (words.who, who(payment, names_shown)),
        (words.scored, local_clock(payment.scored_at, utc_offset_minutes, numbers.date_pattern)),
        (words.number, payment.transaction_id),
    )
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(fact)}</dd></div>" for name, fact in facts)
    kind = "flagged" if payment.fraud_flag else "calm"
    return (
        f'<div class="case-head {kind}"><h3>{escape(words.heading.format(amount=amount))}</h3>'
        f'<p class="case-score"><b>{numbers.decimal(payment.score, 3)}</b> <span>{escape(status)}</span></p></div>'
        f'<dl class="facts">{listed}</dl>'
    )


def who(payment: Payment, names_shown: bool) -> str:
    """Return who pays: name and street, or the first letters alone."""
    if payment.customer is None:
        return _MISSING
    parts = payment.customer.split("|")
    if names_shown:
        return f"{' '.join(parts[:2])}, {', '.join(parts[2:])}".rstrip(", ")
    return " ".join(f"{part[:1]}{_HIDDEN}" for part in parts[:2])


def reasons(case: Case, texts: Texts, words: CaseTexts) -> str:
    """Return why the payment was flagged: a phrase and a bar each, or the sentence that there is nothing to show."""
    heading, alert = f"<h3>{escape(words.reasons_heading)}</h3>", case.alert
    if not case.payment.fraud_flag:
        return heading + notice(words.reasons_not_flagged)
    if alert is None:
        return heading + notice(words.reasons_missing)
    if not alert.reasons:
        return heading + notice(words.reasons_none)
    phrases = REASON_TEXTS[texts.language]
    items = "".join(
        f'<li class="{"up" if reason.raises else "down"}">'
        f"<span>{escape(_sentence(in_words(reason, phrases, texts.numbers)))}</span>"
        f"<small>{escape(words.raises if reason.raises else words.lowers)}</small>"
        f'<i style="--share:{reason.share:.3f}"></i></li>'
        for reason in alert.reasons
    )
    by = words.reasons_by.format(version=alert.model_version, threshold=texts.numbers.decimal(alert.threshold, 2))
    return f'{heading}<ol class="reasons">{items}</ol>{hint(by)}'


def earlier(case: Case, texts: Texts, words: CaseTexts, shown: int = SHOWN_EARLIER) -> str:
    """Return the table of the customer's latest earlier payments, or why there is none."""
    if case.payment.customer is None or case.payment.event_time is None:
        return notice(words.earlier_unknown)
    if not case.earlier:
        return notice(words.earlier_none)
    heads = (
        (texts.column_time, "time"),
        (texts.column_amount, "number"),
        (texts.column_category, "text"),
        (texts.column_merchant, "merchant"),
        (texts.column_score, "number"),
    )
    rows = [_earlier_cells(row, texts) for row in case.earlier[:shown]]
    numbers = texts.numbers
    more = words.earlier_shown.format(shown=numbers.whole(len(rows)), count=numbers.whole(case.earlier_count))
    return table(heads, rows, words.earlier_table) + (hint(more) if case.earlier_count > len(rows) else "")


def verdicts(given: Sequence[Given], texts: Texts, words: CaseTexts, utc_offset_minutes: int) -> str:
    """Return every verdict on the payment, the latest first; nothing while there is none."""
    if not given:
        return ""
    heads = (
        (words.column_verdict, "text"),
        (words.column_analyst, "text"),
        (words.column_given, "time"),
        (words.column_comment, "comment"),
    )
    rows = [
        (
            f'<span class="verdict {escape(one.verdict)}">{escape(_verdict(one.verdict, words))}</span>',
            escape(words.no_login if one.analyst == NO_LOGIN else one.analyst),
            escape(local_clock(one.given_at, utc_offset_minutes, texts.numbers.date_pattern)),
            escape(one.comment or _MISSING),
        )
        for one in reversed(given)
    ]
    return table(heads, rows, words.given)


def _percent(share: float, texts: Texts) -> str:
    """Return 0.8349 as «83 %»: verdicts are too few for more."""
    return f"{texts.numbers.decimal(share * 100, 0)}{texts.numbers.percent_gap}%"


def _verdict(verdict: str, words: CaseTexts) -> str:
    return words.verdicts[Verdict(verdict)] if verdict in set(Verdict) else verdict


def _waiting_cells(row: QueuedCase, texts: Texts, words: CaseTexts) -> tuple[str, ...]:
    numbers = texts.numbers
    score = numbers.decimal(row.score, 3)
    return (
        _MISSING if row.event_time is None else escape(numbers.date_time(row.event_time)),
        _MISSING if row.amount is None else numbers.decimal(row.amount, 2),
        escape(row.category or _MISSING),
        escape((row.merchant or _MISSING).removeprefix(MERCHANT_PREFIX)),
        escape(row.state or _MISSING),
        f'{score}<i style="--share:{row.score:.3f}"></i>',
        case_button(row.transaction_id, words.open),
    )


def _earlier_cells(row: Earlier, texts: Texts) -> tuple[str, ...]:
    numbers = texts.numbers
    score = _MISSING if row.score is None else numbers.decimal(row.score, 3)
    return (
        escape(numbers.date_time(row.event_time)),
        _MISSING if row.amount is None else numbers.decimal(row.amount, 2),
        escape(row.category or _MISSING),
        escape((row.merchant or _MISSING).removeprefix(MERCHANT_PREFIX)),
        f'<b class="alarm">{score}</b>' if row.fraud_flag else score,
    )


def _sentence(phrase: str) -> str:
    return phrase[:1].upper() + phrase[1:]
