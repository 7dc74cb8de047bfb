"""Draws a customer's payments over time. Pure: knows no database and no page."""

from datetime import timedelta
from typing import Any

import altair as alt

from ui.review.case import Case, Earlier, Payment
from ui.review.texts import CaseTexts
from ui.shell import charts
from ui.shell.formats import Numbers
from ui.shell.texts import Texts

THIS, HEIGHT = "#3b82f6", 220
"""The payment in question, in a blue that reads on white and on black; height in pixels."""

HOURS_UP_TO = timedelta(days=3)
"""A past as short as this is told by the hour: its days are the same at every mark."""


def payments_chart(case: Case, texts: Texts, words: CaseTexts) -> alt.LayerChart | None:
    """Return the amounts of the customer's earlier payments and of this one over event time; None without a past."""
    if not case.earlier or case.payment.event_time is None:
        return None
    numbers = texts.numbers
    sides = [words.chart_other, words.chart_flagged, words.chart_this]
    points = [_point(payment, numbers, words) for payment in case.earlier]
    points.append(_this(case.payment, numbers, words))
    known = [point for point in points if point["amount"] is not None]
    colour = alt.Color(
        "side:N",
        scale=alt.Scale(domain=sides, range=[charts.CALM, charts.ALARM, THIS]),
        legend=alt.Legend(title=None, orient="top", offset=6, symbolOpacity=1, symbolType="circle", columnPadding=5),
    )
    base = alt.Chart(alt.InlineData(values=known)).encode(
        x=alt.X(
            "time:T",
            axis=alt.Axis(
                title=words.chart_time, format=_times(case, words), labelOverlap=True, grid=False, tickCount=6
            ),
        ),
        y=alt.Y("amount:Q", axis=alt.Axis(title=words.chart_amount, tickCount=4, domain=False, ticks=False)),
        color=colour,
    )
    stems = base.mark_rule(strokeWidth=1.5, opacity=0.45).encode(y2=alt.datum(0))
    dots = base.mark_point(filled=True, opacity=1).encode(
        size=alt.condition(f"datum.side == {words.chart_this!r}", alt.value(130), alt.value(42)),
        tooltip=[
            alt.Tooltip("when:N", title=words.chart_time),
            alt.Tooltip("sum:N", title=words.chart_amount),
            alt.Tooltip("what:N", title=texts.column_category),
            alt.Tooltip("score:N", title=texts.column_score),
        ],
    )
    counted = numbers.counted(len(known) - 1, texts.payment_forms)
    return alt.LayerChart(layer=[stems, dots]).properties(
        width="container",
        height=HEIGHT,
        title=alt.Title(
            words.chart_title.format(payments_counted=counted),
            anchor="start", fontSize=15, fontWeight="normal", offset=10,
        ),
        background="transparent",
        padding={"left": 0, "right": 8, "top": 4, "bottom": 4},
        config=charts.look(),
        usermeta={"embedOptions": charts.embed_options(numbers)},
    )  # fmt: skip


def _times(case: Case, words: CaseTexts) -> str:
    """Return how the axis writes times."""
    payments: list[Earlier | Payment] = [*case.earlier, case.payment]
    moments = [payment.event_time for payment in payments if payment.event_time is not None]
    return words.chart_hours if max(moments) - min(moments) <= HOURS_UP_TO else words.chart_dates


def _point(payment: Earlier, numbers: Numbers, words: CaseTexts) -> dict[str, Any]:
    side = words.chart_flagged if payment.fraud_flag else words.chart_other
    return _row(payment, side, numbers)


def _this(payment: Payment, numbers: Numbers, words: CaseTexts) -> dict[str, Any]:
    return _row(payment, words.chart_this, numbers)


def _row(payment: Earlier | Payment, side: str, numbers: Numbers) -> dict[str, Any]:
    when = payment.event_time
    return {
        "time": when.isoformat() if when else None,
        "when": numbers.date_time(when) if when else "—",
        "amount": payment.amount,
        "sum": "—" if payment.amount is None else numbers.decimal(payment.amount, 2),
        "what": payment.category or "—",
        "score": "—" if payment.score is None else numbers.decimal(payment.score, 3),
        "side": side,
    }
