"""Turns what a threshold would do into a table and a chart. Pure; knows no database and no Gradio."""

from collections.abc import Sequence
from html import escape

import altair as alt

from ui.review.verdicts import Precision
from ui.shell import charts
from ui.shell.render_old import hint, notice, table
from ui.shell.texts import Texts
from ui.threshold.models import ScoringModel
from ui.threshold.texts import WhatIfTexts
from ui.threshold.whatif import Basis, Curve, alerts_of_stream, confirmed, expected

HEIGHT = 240
RECALL, CHOSEN = "#0d9488", "#3b82f6"
_MISSING = "—"

Row = tuple[str, str, str]
"""What is told, at the chosen threshold, at the one in use."""


def comparison(
    chosen: float, model: ScoringModel | None, curve: Curve | None, basis: Basis | None, payments_a_day: float | None,
    texts: Texts, words: WhatIfTexts,
) -> str:  # fmt: skip
    """Return the table that sets the chosen threshold beside the one in use, and what it rests on."""
    numbers = texts.numbers
    thresholds = [chosen, model.threshold if model else None]
    rows = [
        *_of_curve(curve, thresholds, payments_a_day, texts, words),
        *_of_mart(basis, thresholds, payments_a_day, texts, words),
    ]
    heads = (
        (words.figure, "text"),
        (words.at.format(threshold=numbers.decimal(chosen, 2)), "number"),
        (words.now.format(threshold=numbers.decimal(model.threshold, 2)) if model else _MISSING, "number"),
    )
    parts = [table(heads, [tuple(map(escape, row)) for row in rows], words.table, kind="grid")] if rows else []
    if curve is None:
        parts.append(notice(words.no_curve, "warning"))
    if basis is None:
        parts.append(notice(words.away, "warning"))
    return "".join([*parts, *map(hint, _sources(chosen, model, curve, basis, texts, words))])


def _of_curve(
    curve: Curve | None,
    thresholds: Sequence[float | None],
    payments_a_day: float | None,
    texts: Texts,
    words: WhatIfTexts,
) -> list[Row]:
    if curve is None:
        return []
    numbers = texts.numbers
    found = [None if one is None else expected(curve, one, payments_a_day or 0.0) for one in thresholds]
    a_day = [None if payments_a_day is None else one for one in found]

    def row(name: str, figures: list[str]) -> Row:
        return name, figures[0], figures[1]

    return [
        row(words.alerts, [_MISSING if one is None else numbers.decimal(one.alerts, 1) for one in a_day]),
        row(words.precision, [_MISSING if one is None else _share(one.precision, texts) for one in found]),
        row(words.recall, [_MISSING if one is None else _share(one.recall, texts) for one in found]),
        row(words.caught, [_MISSING if one is None else numbers.whole(round(one.caught_amount)) for one in a_day]),
        row(words.missed, [_MISSING if one is None else numbers.whole(round(one.missed_amount)) for one in a_day]),
    ]


def _of_mart(
    basis: Basis | None,
    thresholds: Sequence[float | None],
    payments_a_day: float | None,
    texts: Texts,
    words: WhatIfTexts,
) -> list[Row]:
    if basis is None:
        return []
    numbers = texts.numbers
    known = [None if payments_a_day is None else one for one in thresholds]
    seen = [None if one is None else alerts_of_stream(basis.stream, one, payments_a_day or 0.0) for one in known]
    said = [None if one is None else confirmed(basis.judged, one) for one in thresholds]
    alerts = [_MISSING if one is None else numbers.decimal(one, 1) for one in seen]
    verdicts = [_MISSING if one is None else _confirmed(one, texts, words) for one in said]
    return [(words.alerts_seen, alerts[0], alerts[1]), (words.confirmed, verdicts[0], verdicts[1])]


def _confirmed(found: Precision, texts: Texts, words: WhatIfTexts) -> str:
    if not found.judged:
        return words.confirmed_none
    numbers = texts.numbers
    return f"{_share(found.share, texts)} ({numbers.whole(found.frauds)}/{numbers.whole(found.judged)})"


def _sources(
    chosen: float,
    model: ScoringModel | None,
    curve: Curve | None,
    basis: Basis | None,
    texts: Texts,
    words: WhatIfTexts,
) -> list[str]:
    """Return what the figures rest on, a sentence each."""
    numbers, said = texts.numbers, []
    if basis is not None and model is not None and chosen < model.threshold:
        said.append(words.confirmed_below.format(threshold=numbers.decimal(model.threshold, 2)))
    if curve is not None:
        said.append(
            words.sources.format(
                payments_counted=numbers.counted(curve.payments, texts.payment_forms),
                frauds=numbers.whole(curve.frauds),
                share=numbers.percent(curve.frauds / curve.payments),
            )
        )
    if basis is not None and basis.stream.payments:
        payments = numbers.counted(basis.stream.payments, texts.payment_forms)
        said.append(words.sources_stream.format(payments_counted=payments, days=numbers.whole(basis.stream.days)))
    return said


def _share(share: float | None, texts: Texts) -> str:
    """Return a share to a tenth of a percent."""
    if share is None:
        return _MISSING
    return f"{texts.numbers.decimal(share * 100, 1)}{texts.numbers.percent_gap}%"


def curve_chart(curve: Curve, chosen: float, in_use: float | None, texts: Texts, words: WhatIfTexts) -> alt.LayerChart:
    """Return precision and recall over the threshold, with rules at the chosen one and the one in use."""
    numbers = texts.numbers
    points = []
    for place, threshold in enumerate(curve.thresholds):
        alerts, caught = curve.alerts[place], curve.caught[place]
        told = {"threshold": threshold, "at": numbers.decimal(threshold, 2)}
        if alerts:
            share = caught / alerts
            points.append(told | {"line": words.chart_precision, "share": share, "told": _share(share, texts)})
        share = caught / curve.frauds
        points.append(told | {"line": words.chart_recall, "share": share, "told": _share(share, texts)})
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
                     alt.Tooltip("told:N", title=" ")],
        )
    )  # fmt: skip
    rules = [] if in_use is None else _rule(in_use, words.chart_now, charts.ALARM, 222, texts)
    if chosen != in_use:
        rules += _rule(chosen, words.chart_chosen, CHOSEN, 202, texts)
    return alt.LayerChart(layer=[lines, *rules]).properties(
        width="container",
        height=HEIGHT,
        title=alt.Title(words.chart_title, anchor="start", fontSize=15, fontWeight="normal", offset=10),
        background="transparent",
        padding={"left": 0, "right": 8, "top": 4, "bottom": 4},
        config=charts.look(),
        usermeta={"embedOptions": charts.embed_options(numbers)},
    )


def _rule(threshold: float, words: str, colour: str, height: int, texts: Texts) -> list[alt.Chart]:
    """Return a rule at a threshold and its label at so many pixels from the top."""
    label = words.format(threshold=texts.numbers.decimal(threshold, 2))
    base = alt.Chart(alt.InlineData(values=[{"threshold": threshold, "label": label}]))
    right = threshold <= charts.LABEL_FLIPS_ABOVE
    return [
        base.mark_rule(strokeDash=[5, 4], strokeWidth=1.5, color=colour).encode(x="threshold:Q"),
        base.mark_text(align="left" if right else "right", dx=7 if right else -7, fontSize=12, color=colour).encode(
            x="threshold:Q", y=alt.value(height), text="label:N"
        ),
    ]
