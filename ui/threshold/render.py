"""HTML and chart of the threshold tab: the effect of a threshold, and the models. Pure."""

from collections.abc import Callable
from functools import partial

import altair as alt
from markupsafe import Markup

from services.common.manifest import Calibration, Curve
from ui.shell import charts
from ui.shell.estimate import Estimate
from ui.shell.formats import Numbers, local_clock
from ui.shell.render import MISSING, hint, notice, subheading, table
from ui.shell.texts import Texts
from ui.threshold import whatif
from ui.threshold.models import SHADOW_HOURS, ModelHistory, ModelStart, ScoringModel, ShadowComparison
from ui.threshold.texts import ModelsTexts, WhatIfTexts
from ui.threshold.whatif import Effect, WhatIfData

CHART_HEIGHT = 240
RECALL, CHOSEN = "#0d9488", "#3b82f6"
SHIFT_DECIMALS = 4


def comparison(
    chosen: float,
    model: ScoringModel | None,
    curve: Curve | None,
    data: WhatIfData | None,
    calibration: Calibration | None,
    texts: Texts,
    words: WhatIfTexts,
) -> Markup:
    """Return the table that sets the chosen threshold beside the current one, and what it is based on.

    Args:
        chosen: a threshold in [0, 1].
        model: the one in use, with the current threshold; None: unknown.
        curve: the model's validation curve; None: it has none.
        data: read from the mart; None: the database is unavailable.
        calibration: of the model's scores; None: it has none.
        texts: the page's language.
        words: the tab's.
    """
    numbers = texts.numbers
    figures = _figures(chosen, curve, data, calibration, numbers, words)
    current = _figures(model.threshold, curve, data, calibration, numbers, words) if model else {}
    heads = (
        (words.column_figure, "text"),
        (words.chosen.format(threshold=_exact(chosen, numbers)), "number"),
        (words.current.format(threshold=_exact(model.threshold, numbers)) if model else MISSING, "number"),
    )
    rows = [(name, figure, current.get(name, MISSING)) for name, figure in figures.items()]
    parts = [table(heads, rows, words.table, kind="grid")] if rows else []
    if curve is None:
        parts.append(notice(words.no_curve, "warning"))
    if data is None:
        parts.append(notice(words.unavailable, "warning"))
    return Markup().join([*parts, *map(hint, _sources(chosen, model, curve, data, texts, words))])


def curve_chart(curve: Curve, chosen: float, current: float | None, texts: Texts, words: WhatIfTexts) -> alt.LayerChart:
    """Return precision and recall over the threshold, with rules at the chosen and the current one."""
    numbers = texts.numbers
    points = []
    for place, threshold in enumerate(curve.thresholds):
        alerts, caught = curve.alerts[place], curve.caught[place]
        point = {"threshold": threshold, "at": numbers.decimal(threshold, 2)}
        if alerts:
            share = caught / alerts
            points.append(point | {"line": words.chart_precision, "share": share, "percent": numbers.percent(share, 1)})
        share = caught / curve.frauds
        points.append(point | {"line": words.chart_recall, "share": share, "percent": numbers.percent(share, 1)})
    colours = alt.Scale(domain=[words.chart_precision, words.chart_recall], range=[charts.CALM, RECALL])
    percent = alt.Axis(format=".0%", title=None, tickCount=5, domain=False, ticks=False)
    axis = alt.Axis(values=[tenth / 10 for tenth in range(11)], format=".1f", grid=False, title=words.chart_x)
    legend = alt.Legend(title=None, orient="top", offset=6, symbolType="stroke")
    lines = (
        alt.Chart(alt.InlineData(values=points))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X("threshold:Q", scale=alt.Scale(domain=[0, 1]), axis=axis),
            y=alt.Y("share:Q", scale=alt.Scale(domain=[0, 1]), axis=percent),
            color=alt.Color("line:N", scale=colours, legend=legend),
            tooltip=[alt.Tooltip("line:N", title=" "), alt.Tooltip("at:N", title=words.chart_x),
                     alt.Tooltip("percent:N", title=" ")],
        )
    )  # fmt: skip
    rules = [] if current is None else _rule(current, words.chart_current, charts.ALARM, 222, numbers)
    if chosen != current:
        rules += _rule(chosen, words.chart_chosen, CHOSEN, 202, numbers)
    return charts.layered([lines, *rules], words.chart_title, CHART_HEIGHT, numbers)


def _rule(threshold: float, text: str, colour: str, height: int, numbers: Numbers) -> list[alt.Chart]:
    return charts.rule(threshold, text.format(threshold=_exact(threshold, numbers)), colour, height)


def models(found: ModelHistory | None, texts: Texts, words: ModelsTexts, utc_offset_minutes: int) -> Markup:
    """Return the models that scored and the comparison with the shadow model; `found` is None in an outage."""
    if found is None:
        return notice(words.unavailable, "warning")
    if not found.starts:
        return notice(words.none_yet)
    shadow = _comparison(found.comparison, texts, words) if found.comparison else hint(words.shadow_none)
    return _starts(found.starts, texts.numbers, words, utc_offset_minutes) + subheading(words.shadow_heading) + shadow


def _figures(
    threshold: float,
    curve: Curve | None,
    data: WhatIfData | None,
    calibration: Calibration | None,
    numbers: Numbers,
    words: WhatIfTexts,
) -> dict[str, str]:
    """Return name -> figure of one threshold."""
    figures: dict[str, str] = {}
    if data is not None:
        figures |= _a_day(data.latest.effect(threshold, calibration), numbers, words)
    if curve is not None:
        precision, recall = whatif.validated(curve, threshold) or (None, None)
        figures |= {
            words.precision: MISSING if precision is None else numbers.percent(precision, 1),
            words.recall: MISSING if recall is None else numbers.percent(recall, 1),
        }
    if data is not None:
        found = whatif.confirmed(data.judged, threshold)
        share = f"{numbers.percent(found.share, 1)} ({numbers.whole(found.frauds)}/{numbers.whole(found.judged)})"
        figures[words.confirmed] = share if found.judged else words.confirmed_none
    return figures


def _a_day(effect: Effect | None, numbers: Numbers, words: WhatIfTexts) -> dict[str, str]:
    names = (words.alerts, words.caught, words.expected_precision, words.caught_amount, words.missed_amount)
    if effect is None:
        return dict.fromkeys(names, MISSING)
    estimates = (effect.alerts, effect.caught, effect.precision, effect.caught_amount, effect.missed_amount)
    tenth, percent = partial(numbers.decimal, places=1), partial(numbers.percent, places=1)
    forms: tuple[Callable[[float], str], ...] = (tenth, tenth, percent, *[lambda one: numbers.whole(round(one))] * 2)
    return {name: _with_interval(one, form) for name, one, form in zip(names, estimates, forms, strict=True)}


def _with_interval(estimate: Estimate | None, form: Callable[[float], str]) -> str:
    if estimate is None:
        return MISSING
    interval = Markup('<span class="interval">({}–{})</span>').format(form(estimate.low), form(estimate.high))
    return Markup("{} {}").format(form(estimate.value), interval)


def _exact(threshold: float, numbers: Numbers) -> str:
    """Return a threshold with at least two decimals and at most the six that scores have."""
    return numbers.decimal(
        threshold, next((places for places in (2, 3, 4, 5) if round(threshold, places) == threshold), 6)
    )


def _sources(
    chosen: float,
    model: ScoringModel | None,
    curve: Curve | None,
    data: WhatIfData | None,
    texts: Texts,
    words: WhatIfTexts,
) -> list[str]:
    """Return what the figures are based on, a sentence for each source."""
    numbers, sentences = texts.numbers, []
    if data is not None and model is not None and chosen < model.threshold:
        sentences.append(words.confirmed_below.format(threshold=_exact(model.threshold, numbers)))
    if curve is not None:
        sentences.append(
            words.sources.format(
                transactions_counted=numbers.counted(curve.transactions, texts.transaction_forms),
                frauds=numbers.whole(curve.frauds),
                share=numbers.percent(curve.frauds / curve.transactions),
            )
        )
    if data is not None and data.latest.days:
        counted = numbers.counted(len(data.latest.scores), texts.transaction_forms)
        lowest, days = _exact(whatif.LOWEST, numbers), numbers.whole(data.latest.days)
        sentences.append(words.sources_latest.format(transactions_counted=counted, days=days, lowest=lowest))
    return sentences


def _starts(starts: list[ModelStart], numbers: Numbers, words: ModelsTexts, utc_offset_minutes: int) -> Markup:
    heads = ((words.column_model, "text"), (words.column_threshold, "number"), (words.column_since, "time"))
    rows = [
        (
            one.model_version,
            numbers.decimal(one.threshold, 2),
            local_clock(one.began_at, utc_offset_minutes, numbers.date_pattern),
        )
        for one in starts
    ]
    in_use = Markup("<span>{} <strong>({})</strong></span>").format(rows[0][0], words.in_use)
    return table(heads, [(in_use, *rows[0][1:]), *rows[1:]], words.heading, captioned=False)


def _comparison(found: ShadowComparison, texts: Texts, words: ModelsTexts) -> Markup:
    numbers, scored = texts.numbers, found.scored
    cost = numbers.decimal(found.cpu_seconds / scored * 1e6, 1)
    figures = (
        (words.agreement, numbers.percent(found.agreement)),
        (words.only_model, numbers.whole(found.only_model)),
        (words.only_shadow, numbers.whole(found.only_shadow)),
        (words.mean_shift, numbers.decimal(found.shift / scored, SHIFT_DECIMALS)),
        (words.mean_absolute_shift, numbers.decimal(found.absolute_shift / scored, SHIFT_DECIMALS)),
        (words.largest_shift, numbers.decimal(found.largest_shift, SHIFT_DECIMALS)),
        (words.skipped, numbers.whole(found.skipped)),
        (words.cost, words.cost_value.format(number=cost)),
    )
    sentence = words.shadow_of.format(
        shadow=found.shadow_version,
        model=found.model_version,
        scored_counted=numbers.counted(scored, texts.transaction_forms),
        hours=SHADOW_HOURS,
    )
    heads = ((words.column_figure, "text"), (words.column_value, "number"))
    return hint(sentence) + table(heads, figures, words.shadow_heading, captioned=False)
