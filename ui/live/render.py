"""Turns a reading of the live view into HTML. Pure; everything that came from outside is escaped. Knows no Gradio."""

import math
from collections.abc import Sequence
from html import escape

from services.common.kafka.lag import Lag
from ui.live import charts as live_charts
from ui.live.filter import DENSITY_BINS, CategoryShare
from ui.live.queries import BUCKET, LiveRow, Share
from ui.live.reading import LiveReading
from ui.live.texts import LiveTexts
from ui.live.timeline import BUCKETS, RATE_BUCKETS, Timeline
from ui.shell.formats import local_clock
from ui.shell.render_old import MERCHANT_PREFIX, case_button, hint, notice, table
from ui.shell.texts import Texts
from ui.threshold.models import ScoringModel
from ui.watch import Observation

STALE_AFTER_SECONDS = 10
LAG_ALARM_SECONDS = 60
SHARE_COMPARED_FROM = 1_000
"""Transactions before the latest from which on their share is compared with."""


def freshness(seen: Observation[LiveReading], tick: str, words: LiveTexts) -> str:
    """Return how old the figures are. live.js goes on counting; `tick` tells it one refresh from the next."""
    if seen.value is None:
        return (
            f'<p class="fresh" data-tick="{escape(tick)}">{escape(words.first_reading if not seen.tried else "")}</p>'
        )
    ago = words.ago_seconds.format(n=round(seen.age_seconds))
    attributes = {
        "age": f"{seen.age_seconds:.1f}",
        "tick": tick,
        "seconds": words.ago_seconds,
        "minutes": words.ago_minutes,
        "hours": words.ago_hours,
        "stale": str(STALE_AFTER_SECONDS),
        "no-answer": words.no_answer,
    }
    data = " ".join(f'data-{name}="{escape(value)}"' for name, value in attributes.items())
    state = "" if seen.fresh else " stale"
    return f'<p class="fresh{state}" {data}><i aria-hidden="true"></i><span>{escape(ago)}</span></p>'


def now(
    reading: LiveReading,
    lag: Observation[Lag],
    model: ScoringModel | None,
    texts: Texts,
    words: LiveTexts,
    utc_offset_minutes: int,
) -> str:
    """Return how the stream is doing: four figures and the line of rates."""
    figures = tiles(reading, lag, model, texts, words, utc_offset_minutes)
    return figures + timeline(reading.timeline, texts, words, utc_offset_minutes)


def tiles(
    reading: LiveReading,
    lag: Observation[Lag],
    model: ScoringModel | None,
    texts: Texts,
    words: LiveTexts,
    utc_offset_minutes: int,
) -> str:
    """Return the four figures that say how the stream is doing."""
    cells = (
        (words.lag, *_lag(lag, texts, words)),
        (words.rate, *_rate(reading, texts, words, utc_offset_minutes)),
        (words.flagged_share, *_share(reading.share, texts, words)),
        (words.model, *_model(model, texts, words)),
    )
    return '<dl class="figures">' + "".join(_tile(*cell) for cell in cells) + "</dl>"


def timeline(found: Timeline, texts: Texts, words: LiveTexts, utc_offset_minutes: int) -> str:
    """Return the line of rates with its axes."""
    numbers = texts.numbers
    rates = [scored / BUCKET.total_seconds() for scored in found.scored]
    peak = max(rates[found.since :], default=0.0)
    label = f"{words.timeline}: {words.timeline_peak.format(number=numbers.decimal(peak, 1))}"
    axis = live_charts.linear(max(rates, default=0.0))
    chart = live_charts.timeline(rates, found.flagged, found.since, axis, label)
    times = [found.begins + place * (BUCKETS // 3) * BUCKET for place in range(4)]
    below = [local_clock(time, utc_offset_minutes, "%H:%M") for time in times]
    return (
        f'<figure class="chart" id="timeline"><figcaption><h3>{escape(words.timeline)}</h3>'
        f'<span class="key"><i class="mark"></i>{escape(words.timeline_flagged)}</span></figcaption>'
        f'<div class="axes">{_left_axis(axis, texts)}{chart}{_below(below)}</div></figure>'
    )


def window_line(shown: int, seen: int, filtered: bool, texts: Texts, words: LiveTexts) -> str:
    """Return of how many transactions the figures below are."""
    numbers = texts.numbers
    counted = numbers.counted(seen, texts.last_transaction_forms)
    line = words.window_filtered if filtered else words.window_of
    return hint(line.format(shown=numbers.whole(shown), counted=counted))


def by_category(shares: Sequence[CategoryShare], texts: Texts, words: LiveTexts) -> str:
    """Return a bar for each category: as long as its share of flagged ones, against the largest."""
    numbers = texts.numbers
    longest = max((one.share for one in shares), default=0.0) or 1.0
    rows = "".join(
        f'<tr><th scope="row">{escape(one.category or words.no_category)}</th>'
        f'<td class="bar"><i style="--share:{one.share / longest:.3f}"></i></td>'
        f'<td class="number">{numbers.percent(one.share)}</td>'
        f'<td class="number">{_counts(one, texts, words)}</td></tr>'
        for one in shares
    )
    return f'<table class="bars"><caption>{escape(words.by_category)}</caption><tbody>{rows}</tbody></table>'


def density(
    counts: Sequence[int], model: ScoringModel | None, texts: Texts, words: LiveTexts, *, logarithmic: bool
) -> str:
    """Return the density of scores with its axes and the threshold."""
    numbers = texts.numbers
    threshold = model.threshold if model else None
    width = 1 / DENSITY_BINS
    labels = [
        words.density_bin.format(
            low=numbers.decimal(place * width, 2),
            high=numbers.decimal((place + 1) * width, 2),
            counted=numbers.counted(count, texts.transaction_forms),
        )
        for place, count in enumerate(counts)
    ]
    label, key = words.density, ""
    if threshold is not None:
        named = words.density_threshold.format(threshold=numbers.decimal(threshold, 2))
        label, key = f"{label}, {named}", f'<span class="key"><i class="rule"></i>{escape(named)}</span>'
    most = max(counts, default=0)
    axis = live_charts.logarithmic(most) if logarithmic else live_charts.linear(most)
    chart = live_charts.density(counts, threshold, labels, axis, label)
    below = [numbers.decimal(place / 4, 2) for place in range(5)]
    left = _left_axis(axis, texts)
    return f'<figure class="chart" id="density"><div class="axes">{left}{chart}{_below(below)}</div>{key}</figure>'


def _tile(name: str, figure: str, below: str, kind: str = "") -> str:
    figures = f'<dd>{escape(figure)}</dd><dd class="small">{escape(below)}</dd>'
    return f'<div class="{kind}"><dt>{escape(name)}</dt>{figures}</div>'


def _lag(seen: Observation[Lag], texts: Texts, words: LiveTexts) -> tuple[str, str, str]:
    if seen.value is None or not seen.fresh:
        if not seen.tried:
            return words.lag_unknown, words.first_reading, ""
        return words.lag_unknown, words.kafka_failed if seen.failed else words.kafka_away, "alarm"
    lag, numbers = seen.value, texts.numbers
    if not lag.messages:
        return "0", words.lag_none, ""
    waiting = words.lag_waiting if lag.exact else words.lag_at_least
    figure = numbers.counted(lag.messages, words.lag_forms)
    return (
        figure,
        waiting.format(duration=numbers.duration(max(1, math.ceil(lag.seconds)))),
        ("alarm" if lag.seconds > LAG_ALARM_SECONDS else ""),
    )


def _rate(reading: LiveReading, texts: Texts, words: LiveTexts, utc_offset_minutes: int) -> tuple[str, str]:
    rate, numbers = reading.timeline.rate, texts.numbers
    figure = numbers.whole(round(rate)) if rate >= 10 or not rate else numbers.decimal(rate, 1)
    latest = max((row.scored_at for row in reading.rows[:1]), default=None)
    seconds = RATE_BUCKETS * BUCKET.total_seconds()
    below = words.rate_of.format(duration=numbers.duration(seconds))
    if latest is not None:
        below = words.latest_score.format(time=local_clock(latest, utc_offset_minutes))
    return words.per_second.format(number=figure), below


def _share(found: Share, texts: Texts, words: LiveTexts) -> tuple[str, str]:
    if not found.scored:
        return words.lag_unknown, words.delta_none
    numbers = texts.numbers
    now = found.flagged / found.scored
    of = words.of_latest.format(scored_counted=numbers.whole(found.scored))
    if found.scored_before < SHARE_COMPARED_FROM:
        return numbers.percent(now), of
    points = round((now - found.flagged_before / found.scored_before) * 100, 2)
    if not points:
        return numbers.percent(now), words.delta_same.format(before=numbers.whole(found.scored_before))
    sign = "+" if points > 0 else "−"
    delta = words.delta.format(
        sign=sign, points=numbers.decimal(abs(points), 2), before=numbers.whole(found.scored_before)
    )
    return numbers.percent(now), delta


def _model(model: ScoringModel | None, texts: Texts, words: LiveTexts) -> tuple[str, str, str]:
    if model is None:
        return words.lag_unknown, words.model_unknown, "text"
    return model.version, words.model_threshold.format(threshold=texts.numbers.decimal(model.threshold, 2)), "text"


def _counts(one: CategoryShare, texts: Texts, words: LiveTexts) -> str:
    numbers = texts.numbers
    return escape(words.category_count.format(flagged=numbers.whole(one.flagged), scored=numbers.whole(one.scored)))


def _left_axis(axis: live_charts.Axis, texts: Texts) -> str:
    """Return the marks at the left of a chart, each at its height."""
    spans = "".join(
        f'<span style="bottom:{100 * axis.height(mark):.2f}%">{_mark(mark, texts)}</span>' for mark in axis.marks
    )
    return f'<div class="left" aria-hidden="true">{spans}<i>{_mark(max(axis.marks), texts)}</i></div>'


def _below(marks: Sequence[str]) -> str:
    """Return marks under a chart, evenly from its left end to its right."""
    step = 100 / (len(marks) - 1)
    spans = "".join(f'<span style="left:{place * step:.2f}%">{mark}</span>' for place, mark in enumerate(marks))
    return f'<div class="below" aria-hidden="true">{spans}</div>'


def _mark(mark: float, texts: Texts) -> str:
    numbers = texts.numbers
    return numbers.whole(round(mark)) if mark >= 10 or mark == int(mark) else numbers.decimal(mark, 1)


SHOWN = 50
MASK = "•••"

_MISSING = "—"


def flagged_table(
    found: Sequence[LiveRow], seen: int, texts: Texts, words: LiveTexts, utc_offset_minutes: int, *, names: bool
) -> str:
    """Return the table of flagged transactions that fit the filters, out of `seen`; without `names` they are masked."""
    numbers = texts.numbers
    if not seen:
        return notice(words.flagged_none)
    if not found:
        return notice(words.flagged_none_of.format(seen_counted=numbers.counted(seen, texts.last_transaction_forms)))
    heads = (
        (words.column_scored, "time scored"),
        (texts.column_time, "time"),
        (texts.column_amount, "number"),
        (texts.column_category, "text"),
        (texts.column_merchant, "merchant"),
        (texts.column_state, "text side"),
        (words.column_customer, "customer side"),
        (texts.column_score, "score"),
        (texts.column_id, "id"),
    )
    rows = [_cells(row, texts, utc_offset_minutes, names=names) for row in found[:SHOWN]]
    below = []
    if len(found) < seen:
        below.append(words.flagged_fit.format(found=numbers.whole(len(found)), seen=numbers.whole(seen)))
    if len(rows) < len(found):
        below.append(words.flagged_shown.format(shown=numbers.whole(len(rows))))
    listed = table(heads, rows, words.flagged_heading, kind="long payments captionless")
    return listed + (hint(" ".join(below)) if below else "")


def customer_of(row: LiveRow, *, names: bool) -> str:
    """Return who pays and where: in full, or the initials alone."""
    if row.customer is None:
        return _MISSING
    first, last, street = [*row.customer.split("|", 2), "", ""][:3]
    if names:
        return ", ".join(part for part in (f"{first} {last}".strip(), street, row.city) if part)
    return " ".join(f"{part[:1]}{MASK}" for part in (first, last))


def _cells(row: LiveRow, texts: Texts, utc_offset_minutes: int, *, names: bool) -> tuple[str, ...]:
    numbers = texts.numbers
    return (
        local_clock(row.scored_at, utc_offset_minutes),
        _MISSING if row.event_time is None else escape(numbers.date_time(row.event_time)),
        _MISSING if row.amount is None else numbers.decimal(row.amount, 2),
        escape(row.category or _MISSING),
        escape((row.merchant or _MISSING).removeprefix(MERCHANT_PREFIX)),
        escape(row.state or _MISSING),
        escape(customer_of(row, names=names)),
        f'{numbers.decimal(row.score, 3)}<i style="--share:{row.score:.3f}"></i>',
        case_button(row.transaction_id, row.transaction_id),
    )
