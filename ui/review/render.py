"""HTML of the queue and of a case. Pure."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from markupsafe import Markup

from ui.login.access import NO_LOGIN
from ui.review.case import Case, EarlierTransaction, ScoredTransaction
from ui.review.features import Features
from ui.review.locks import Lock
from ui.review.missed import Missed
from ui.review.queue import Queue
from ui.review.reasons import in_words
from ui.review.sample import WINDOW_DAYS
from ui.review.texts import REASON_TEXTS, CaseTexts
from ui.review.verdicts import GivenVerdict, Precision, Verdict
from ui.shell.estimate import Estimate
from ui.shell.formats import Numbers, local_clock
from ui.shell.render import (
    MISSING,
    Head,
    case_button,
    customer_name,
    hint,
    notice,
    role_text,
    score_cell,
    subheading,
    table,
    transaction_cells,
    transaction_heads,
)
from ui.shell.texts import Texts

EARLIER_SHOWN = 10


def queue(found: Queue, texts: Texts, words: CaseTexts, *, blind: bool = False) -> Markup:
    """Return the table of the first transactions in the queue, each with its button, under how many wait.

    With a blind sample the scores are not shown: they would tell which transactions are of it.
    """
    numbers = texts.numbers
    others = words.with_others.format(with_others=numbers.whole(found.with_others)) if found.with_others else ""
    if not found.head:
        sentence = words.queue_with_others if found.with_others else words.queue_empty
        return notice(sentence.format(with_others=numbers.whole(found.with_others)), "done")
    sentence = (words.waiting_more if found.more else words.waiting).format(
        waiting=numbers.whole(found.waiting), shown=numbers.whole(len(found.head))
    )
    scores: tuple[Head, ...] = () if blind else ((texts.column_score, "score"),)
    heads = (*transaction_heads(texts), *scores, (words.column_open, "open side"))
    rows = (
        (
            *transaction_cells(row, texts),
            *(() if blind else (score_cell(row.score, numbers),)),
            case_button(row.transaction_id, words.open),
        )
        for row in found.head
    )
    return table(heads, rows, f"{sentence} {others}".rstrip(), kind="transactions")


def precision(found: Precision, texts: Texts, words: CaseTexts) -> Markup:
    """Return the precision of the latest verdicts as a sentence."""
    if not found.judged:
        return hint(words.precision_none)
    numbers = texts.numbers
    low, high = found.interval
    sentence = words.precision.format(
        judged=numbers.whole(found.judged),
        frauds=numbers.whole(found.frauds),
        share=numbers.percent(found.share, 0),
        low=numbers.percent(low, 0),
        high=numbers.percent(high, 0),
    )
    return _figures(sentence)


def missed(found: Missed | None, texts: Texts, words: CaseTexts) -> Markup:
    """Return what the model misses by the blind sample, a sentence for each figure."""
    if found is None:
        return hint(words.recall_none)
    numbers = texts.numbers
    share, whole = partial(numbers.percent, places=0), lambda number: numbers.whole(round(number))
    sentences = [
        words.recall.format(
            days=WINDOW_DAYS, judged=numbers.whole(found.judged), **_interval("share", found.recall, share)
        ),
        words.missed.format(**_interval("frauds", found.frauds, whole)),
    ]
    if found.amount is not None and "amount" in texts.columns:
        sentences.append(words.missed_amount.format(**_interval("amount", found.amount, whole)))
    return _figures(" ".join(sentences))


def _interval(name: str, found: Estimate, text: Callable[[float], str]) -> dict[str, str]:
    return {name: text(found.value), "low": text(found.low), "high": text(found.high)}


def _figures(sentence: str) -> Markup:
    return Markup('<p class="precision">{}</p>').format(sentence)


def head(
    case: Case, texts: Texts, words: CaseTexts, names: bool, utc_offset_minutes: int, *, hidden: bool = False
) -> Markup:
    """Return the transaction; what is personal is masked without `names`, its score is left out if it is `hidden`."""
    numbers, found = texts.numbers, case.transaction
    amount = role_text("amount", found, texts, names=names)
    facts = (
        *(
            (texts.columns[role], role_text(role, found, texts, names=names))
            for role in ("time", "merchant", "category")
            if role in texts.columns
        ),
        *_location(found, texts, words, names=names),
        *_customer(found, texts, names=names),
        (words.scored, local_clock(found.scored_at, utc_offset_minutes, numbers.date_pattern)),
        (words.id, found.transaction_id),
    )
    status = words.flagged if found.fraud_flag else words.not_flagged
    return Markup(
        '<div class="case-head {kind}"><h3>{heading}</h3>'
        '<p class="case-score"><b>{score}</b> <span>{status}</span></p></div>{drawn}<dl class="facts">{facts}</dl>'
    ).format(
        kind="flagged" if found.fraud_flag and not hidden else "calm",
        heading=words.heading.format(amount=amount) if "amount" in texts.columns else words.plain_heading,
        score=MISSING if hidden else numbers.decimal(found.score, 3),
        status=words.hidden if hidden else status,
        drawn=Markup() if hidden or case.drawn is None else hint(_drawn(case.drawn, numbers, words)),
        facts=Markup().join(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*fact) for fact in facts),
    )


def _drawn(probability: float, numbers: Numbers, words: CaseTexts) -> str:
    return words.drawn.format(probability=numbers.percent(probability, 2))


def saved(case: Case, verdict: Verdict, texts: Texts, words: CaseTexts, *, reopen: bool, blind: bool) -> Markup:
    """Return that a verdict was stored; with a blind sample, of which kind the transaction was.

    With `reopen` a button follows that opens the transaction again.
    """
    parts: list[str] = [words.saved.format(verdict=words.verdicts[verdict])]
    if blind:
        kind = words.saved_flagged if case.drawn is None else words.saved_drawn
        parts.append(kind.format(score=texts.numbers.decimal(case.transaction.score, 3)))
    if reopen:
        parts.append(case_button(case.transaction.transaction_id, words.reopen))
    return Markup('<p class="notice done" role="status">{}</p>').format(Markup(" ").join(parts))


def locked(lock: Lock, words: CaseTexts, utc_offset_minutes: int) -> Markup:
    """Return who works on the case, and until when."""
    analyst = words.no_login if lock.analyst == NO_LOGIN else lock.analyst
    time = local_clock(lock.locked_until, utc_offset_minutes, "%H:%M")
    return notice(words.locked.format(analyst=analyst, time=time), "warning")


def _location(found: ScoredTransaction, texts: Texts, words: CaseTexts, *, names: bool) -> Iterator[tuple[str, str]]:
    """Yield city and state, as far as the contract has them, as one fact."""
    roles = [role for role in ("city", "state") if role in texts.columns]
    parts = [role_text(role, found, texts, names=names) for role in roles]
    if roles:
        yield words.location, ", ".join(part for part in parts if part != MISSING) or MISSING


def _customer(found: ScoredTransaction, texts: Texts, *, names: bool) -> Iterator[tuple[str, str]]:
    if "customer" in texts.columns:
        yield texts.columns["customer"], customer_name(found.customer, texts.key, names=names)


def reasons(case: Case, features: Features, texts: Texts, words: CaseTexts, *, hidden: bool = False) -> Markup:
    """Return why the transaction was flagged, a phrase and a bar for each reason, or why there are none."""
    heading, alert = subheading(words.reasons_heading), case.alert
    if hidden:
        return heading + notice(words.reasons_hidden)
    if not case.transaction.fraud_flag:
        return heading + notice(words.reasons_not_flagged)
    if alert is None:
        return heading + notice(words.reasons_missing)
    if not alert.reasons:
        return heading + notice(words.reasons_none)
    phrases, numbers, items = REASON_TEXTS[texts.language], texts.numbers, []
    for reason in alert.reasons:
        phrase = in_words(reason, features, phrases, numbers)
        items.append(
            Markup('<li class="{}"><span>{}</span><small>{}</small><i style="--share:{:.3f}"></i></li>').format(
                "up" if reason.raises else "down",
                phrase[:1].upper() + phrase[1:],
                words.raises if reason.raises else words.lowers,
                reason.share,
            )
        )
    by = words.reasons_by.format(version=alert.model_version, threshold=numbers.decimal(alert.threshold, 2))
    return heading + Markup('<ol class="reasons">{}</ol>').format(Markup().join(items)) + hint(by)


def earlier(case: Case, texts: Texts, words: CaseTexts) -> Markup:
    """Return the table of the customer's latest earlier transactions, or why there is none; nothing without a key."""
    if "customer" not in texts.columns:
        return Markup()
    if case.transaction.customer is None or case.transaction.event_time is None:
        return notice(words.earlier_unknown)
    if not case.earlier:
        return notice(words.earlier_none)
    heads = (*transaction_heads(texts, without=("state",)), (texts.column_score, "number"))
    rows = [_earlier_cells(row, texts) for row in case.earlier[:EARLIER_SHOWN]]
    whole = texts.numbers.whole
    more = words.earlier_shown.format(shown=whole(len(rows)), count=whole(case.earlier_count))
    return table(heads, rows, words.earlier_table) + (hint(more) if case.earlier_count > len(rows) else "")


def verdicts(given: Sequence[GivenVerdict], texts: Texts, words: CaseTexts, utc_offset_minutes: int) -> Markup:
    """Return all verdicts on the transaction, the latest first; nothing if there are none."""
    if not given:
        return Markup()
    heads = (
        (words.column_verdict, "text"),
        (words.column_analyst, "text"),
        (words.column_given, "time"),
        (words.column_comment, "comment"),
    )
    rows = (
        (
            Markup('<span class="verdict {}">{}</span>').format(
                one.verdict, words.verdicts[Verdict(one.verdict)] if one.verdict in set(Verdict) else one.verdict
            ),
            words.no_login if one.analyst == NO_LOGIN else one.analyst,
            local_clock(one.given_at, utc_offset_minutes, texts.numbers.date_pattern),
            one.comment or MISSING,
        )
        for one in reversed(given)
    )
    return table(heads, rows, words.verdicts_table)


def _earlier_cells(row: EarlierTransaction, texts: Texts) -> tuple[str, ...]:
    score = MISSING if row.score is None else texts.numbers.decimal(row.score, 3)
    return (
        *transaction_cells(row, texts, without=("state",)),
        Markup('<b class="alarm">{}</b>').format(score) if row.fraud_flag else score,
    )
