"""HTML of the live tab: the figures, the charts, the table of flagged transactions and the section on drift. Pure."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from services.common.kafka.lag import Lag
from ui.live import charts
from ui.live.drift import MINIMUM, SHIFT_FROM, STABLE_BELOW, DriftReading
from ui.live.filter import DENSITY_BINS, CategoryShare
from ui.live.queries import BUCKET, FlaggedShare, LiveRow
from ui.live.reading import LiveReading
from ui.live.texts import DriftTexts, LiveTexts
from ui.live.timeline import BUCKETS, RATE_BUCKETS, Timeline
from ui.shell.formats import local_clock
from ui.shell.render import (
    MISSING,
    case_button,
    customer_name,
    hint,
    notice,
    score_cell,
    table,
    transaction_cells,
    transaction_heads,
)
from ui.shell.texts import Texts
from ui.threshold.models import ScoringModel
from ui.watch import Observation

STALE_AFTER_SECONDS = 10
LAG_ALARM_SECONDS = 60
SHARE_COMPARED_FROM = 1_000
"""Transactions before the latest ones that a comparison of shares needs."""

FLAGGED_SHOWN = 50


def freshness(seen: Observation[LiveReading], tick: str, words: LiveTexts) -> Markup:
    """Return how old the figures are. live.js goes on counting; `tick` differs from one refresh to the next."""
    if seen.value is None:
        waiting = "" if seen.tried else words.first_reading
        return Markup('<p class="fresh" data-tick="{}">{}</p>').format(tick, waiting)
    attributes = {
        "age": f"{seen.age_seconds:.1f}",
        "tick": tick,
        "seconds": words.ago_seconds,
        "minutes": words.ago_minutes,
        "hours": words.ago_hours,
        "stale": str(STALE_AFTER_SECONDS),
        "not-responding": words.not_responding,
    }
    return Markup('<p class="fresh{}" {}><i aria-hidden="true"></i><span>{}</span></p>').format(
        "" if seen.fresh else " stale",
        Markup(" ").join(Markup('data-{}="{}"').format(name, value) for name, value in attributes.items()),
        words.ago_seconds.format(n=round(seen.age_seconds)),
    )


def tiles(
    reading: LiveReading,
    lag: Observation[Lag],
    model: ScoringModel | None,
    texts: Texts,
    words: LiveTexts,
    utc_offset_minutes: int,
) -> Markup:
    """Return the four figures: lag, rate, flagged share and model."""
    return Markup('<dl class="figures">{}{}{}{}</dl>').format(
        _tile(words.lag, *_lag(lag, texts, words)),
        _tile(words.rate, *_rate(reading, texts, words, utc_offset_minutes)),
        _tile(words.flagged_share, *_share(reading.share, texts, words)),
        _tile(words.model, *_model(model, texts, words), kind="text"),
    )


def timeline(found: Timeline, texts: Texts, words: LiveTexts, utc_offset_minutes: int) -> Markup:
    """Return the line of rates with its axes."""
    rates = [scored / BUCKET.total_seconds() for scored in found.scored]
    peak = texts.numbers.decimal(max(rates[found.since :], default=0.0), 1)
    axis = charts.linear(max(rates, default=0.0))
    label = f"{words.timeline}: {words.timeline_peak.format(number=peak)}"
    keys = [("mark", words.timeline_flagged), *([("gap", words.timeline_unknown)] if found.since else [])]
    times = [found.begins + place * (BUCKETS // 3) * BUCKET for place in range(4)]
    return Markup(
        '<figure class="chart" id="timeline"><figcaption><h3>{}</h3>'
        '<span class="keys">{}</span></figcaption>{}</figure>'
    ).format(
        words.timeline,
        Markup().join(Markup('<span class="key"><i class="{}"></i>{}</span>').format(*key) for key in keys),
        _axes(
            axis,
            charts.timeline(rates, found.flagged, found.since, axis, label),
            [local_clock(time, utc_offset_minutes, "%H:%M") for time in times],
            texts,
        ),
    )


def window_line(shown: int, seen: int, filtered: bool, texts: Texts, words: LiveTexts) -> Markup:
    """Return the line that says on how many transactions the figures below are based."""
    numbers = texts.numbers
    counted = numbers.counted(seen, texts.last_transaction_forms)
    line = words.window_filtered if filtered else words.window_of
    return hint(line.format(shown=numbers.whole(shown), counted=counted))


def by_category(shares: Sequence[CategoryShare], texts: Texts, words: LiveTexts) -> Markup:
    """Return a bar for each category: its flagged share, relative to the largest."""
    numbers = texts.numbers
    longest = max((one.share for one in shares), default=0.0) or 1.0
    row = Markup(
        '<tr><th scope="row">{}</th><td class="bar"><i style="--share:{:.3f}"></i></td>'
        '<td class="number">{}</td><td class="number">{}</td></tr>'
    )
    rows = Markup().join(
        row.format(
            one.category or words.no_category,
            one.share / longest,
            numbers.percent(one.share),
            words.category_count.format(flagged=numbers.whole(one.flagged), scored=numbers.whole(one.scored)),
        )
        for one in shares
    )
    return Markup('<table class="bars" aria-label="{}"><tbody>{}</tbody></table>').format(words.by_category, rows)


def density(
    counts: Sequence[int], model: ScoringModel | None, texts: Texts, words: LiveTexts, *, logarithmic: bool
) -> Markup:
    """Return the distribution of scores with its axes and the threshold."""
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
    label, key = words.density, Markup()
    if threshold is not None:
        named = words.threshold.format(threshold=numbers.decimal(threshold, 2))
        label, key = f"{label}, {named}", Markup('<span class="key"><i class="rule"></i>{}</span>').format(named)
    most = max(counts, default=0)
    axis = charts.logarithmic(most) if logarithmic else charts.linear(most)
    chart = charts.density(counts, threshold, labels, axis, label)
    quarters = [numbers.decimal(place / 4, 2) for place in range(5)]
    return Markup('<figure class="chart" id="density">{}{}</figure>').format(_axes(axis, chart, quarters, texts), key)


def flagged_table(
    found: Sequence[LiveRow], seen: int, texts: Texts, words: LiveTexts, utc_offset_minutes: int, *, names: bool
) -> Markup:
    """Return the table of the flagged transactions that match the filters, out of `seen`.

    Args:
        found: the matching ones, the latest first.
        seen: flagged transactions before filtering.
        names: whether to show what is personal, or of names the initials only.
    """
    numbers = texts.numbers
    if not seen:
        return notice(words.flagged_none)
    if not found:
        return notice(words.flagged_none_of.format(seen_counted=numbers.counted(seen, texts.last_transaction_forms)))
    has_customer = "customer" in texts.columns
    heads = (
        (texts.column_scored, "time scored"),
        *transaction_heads(texts),
        *(((texts.columns["customer"], "customer side"),) if has_customer else ()),
        (texts.column_score, "score"),
        (texts.column_id, "id"),
    )
    rows = [
        (
            local_clock(row.scored_at, utc_offset_minutes),
            *transaction_cells(row, texts, names=names),
            *((_customer(row, texts, names=names),) if has_customer else ()),
            score_cell(row.score, numbers),
            case_button(row.transaction_id, row.transaction_id),
        )
        for row in found[:FLAGGED_SHOWN]
    ]
    below = []
    if len(found) < seen:
        below.append(words.flagged_matching.format(found=numbers.whole(len(found)), seen=numbers.whole(seen)))
    if len(rows) < len(found):
        below.append(words.flagged_shown.format(shown=numbers.whole(len(rows))))
    listed = table(heads, rows, words.flagged_heading, kind="long transactions", captioned=False)
    return listed + (hint(" ".join(below)) if below else "")


def drift(seen: Observation[DriftReading], texts: Texts, words: DriftTexts) -> Markup:
    """Return the table of the last measurement and what it means, or why there is none."""
    if not seen.tried:
        return hint(words.first_reading)
    if seen.value is None or not seen.fresh:
        return notice(texts.reading_failed if seen.failed else words.unavailable, "warning")
    reading, numbers = seen.value, texts.numbers
    if not reading.psi:
        return notice(words.no_reference)
    if reading.transactions < MINIMUM:
        return notice(words.too_few.format(minimum=numbers.whole(MINIMUM)))
    heads = ((words.column_name, "text"), (words.column_psi, "number"), (words.column_state, "text"))
    rows = []
    for name, psi in reading.psi.items():
        state = drift_state(name, psi)
        meaning = Markup('<span class="{}">{}</span>').format(state, words.states[state])
        rows.append(
            (
                texts.columns.get(name, words.names.get(name, name)),
                MISSING if psi is None else numbers.decimal(psi, 3),
                meaning,
            )
        )
    counted = numbers.counted(reading.transactions, texts.last_transaction_forms)
    return hint(words.measured_on.format(counted=counted)) + table(heads, rows, words.heading, captioned=False)


def drift_state(name: str, psi: float | None) -> str:
    """Return the code of what a PSI means, a key of DriftTexts.states."""
    if psi is None:
        return "hour" if name == "hour" else "none"
    if psi < STABLE_BELOW:
        return "stable"
    if name == "past":  # different at every new installation, whose customers all have short histories: no alarm
        return "past"
    return "shift" if psi >= SHIFT_FROM else "moved"


def _customer(row: LiveRow, texts: Texts, *, names: bool) -> str:
    return customer_name(row.customer, texts.key, row.city, names=names)


def _tile(name: str, figure: str, below: str, kind: str = "") -> Markup:
    return Markup('<div class="{}"><dt>{}</dt><dd>{}</dd><dd class="small">{}</dd></div>').format(
        kind, name, figure, below
    )


def _lag(seen: Observation[Lag], texts: Texts, words: LiveTexts) -> tuple[str, str, str]:
    if not seen.tried:
        return MISSING, words.first_reading, ""
    if seen.value is None or not seen.fresh:
        return MISSING, words.kafka_failed if seen.failed else words.kafka_unavailable, "alarm"
    lag, numbers = seen.value, texts.numbers
    if not lag.messages:
        return "0", words.lag_none, ""
    waiting = words.lag_waiting if lag.exact else words.lag_at_least
    return (
        numbers.whole(lag.messages),
        waiting.format(duration=numbers.duration(max(1, math.ceil(lag.seconds)))),
        "alarm" if lag.seconds > LAG_ALARM_SECONDS else "",
    )


def _rate(reading: LiveReading, texts: Texts, words: LiveTexts, utc_offset_minutes: int) -> tuple[str, str]:
    rate, numbers = reading.timeline.rate, texts.numbers
    figure = numbers.whole(round(rate)) if rate >= 10 or not rate else numbers.decimal(rate, 1)
    if reading.rows:
        below = words.latest_score.format(time=local_clock(reading.rows[0].scored_at, utc_offset_minutes))
    else:
        below = words.rate_of.format(duration=numbers.duration(RATE_BUCKETS * BUCKET.total_seconds()))
    return words.per_second.format(number=figure), below


def _share(found: FlaggedShare, texts: Texts, words: LiveTexts) -> tuple[str, str]:
    if not found.scored:
        return MISSING, words.delta_none
    numbers = texts.numbers
    share, before = found.flagged / found.scored, numbers.whole(found.scored_before)
    if found.scored_before < SHARE_COMPARED_FROM:
        return numbers.percent(share), words.of_latest.format(scored_counted=numbers.whole(found.scored))
    points = round((share - found.flagged_before / found.scored_before) * 100, 2)
    if not points:
        return numbers.percent(share), words.delta_same.format(before=before)
    sign = "+" if points > 0 else "−"
    return numbers.percent(share), words.delta.format(sign=sign, points=numbers.decimal(abs(points), 2), before=before)


def _model(model: ScoringModel | None, texts: Texts, words: LiveTexts) -> tuple[str, str]:
    if model is None:
        return MISSING, words.model_unknown
    return model.version, words.threshold.format(threshold=texts.numbers.decimal(model.threshold, 2))


def _axes(axis: charts.ChartAxis, chart: Markup, below: Sequence[str], texts: Texts) -> Markup:
    """Return a chart with the marks of its axis at the left, and marks below it at equal distances."""
    left = Markup().join(
        Markup('<span style="bottom:{:.2f}%">{}</span>').format(100 * axis.height(mark), _mark(mark, texts))
        for mark in axis.marks
    )
    step = 100 / (len(below) - 1)
    under = Markup().join(
        Markup('<span style="left:{:.2f}%">{}</span>').format(place * step, mark) for place, mark in enumerate(below)
    )
    # The <i> cannot be seen: it makes the column as wide as its longest mark.
    return Markup(
        '<div class="axes"><div class="left" aria-hidden="true">{}<i>{}</i></div>{}'
        '<div class="below" aria-hidden="true">{}</div></div>'
    ).format(left, _mark(max(axis.marks), texts), chart, under)


def _mark(mark: float, texts: Texts) -> str:
    numbers = texts.numbers
    return numbers.whole(round(mark)) if mark >= 10 or mark == int(mark) else numbers.decimal(mark, 1)
