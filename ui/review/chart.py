"""Draws a customer's transactions over time. Pure."""

from datetime import timedelta
from typing import Any

import altair as alt

from ui.review.case import Case, EarlierTransaction, ScoredTransaction
from ui.review.texts import CaseTexts
from ui.shell import charts
from ui.shell.render import MISSING, role_text
from ui.shell.texts import Texts

THIS, HEIGHT = "#3b82f6", 220
"""Colour of the case's own transaction, readable on white and on black; height in pixels."""

HOURS_UP_TO = timedelta(days=3)
"""A history as short as this is marked by the hour: by the day, all marks would be the same."""


def transactions_chart(case: Case, texts: Texts, words: CaseTexts) -> alt.LayerChart | None:
    """Return the amounts of the customer's earlier transactions and of this one over time.

    None if it is the first one, or if the contract has no amount or a personal one.
    """
    if not case.earlier or case.transaction.event_time is None:
        return None
    if "amount" not in texts.columns or "amount" in texts.personal:
        return None
    numbers = texts.numbers
    sides = [words.chart_other, words.chart_flagged, words.chart_this]
    points = [_point(one, words.chart_flagged if one.fraud_flag else words.chart_other, texts) for one in case.earlier]
    points.append(_point(case.transaction, words.chart_this, texts))
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
                title=words.chart_time, format=_time_format(case, words), labelOverlap=True, grid=False, tickCount=6
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
            *([alt.Tooltip("what:N", title=texts.columns["category"])] if "category" in texts.columns else []),
            alt.Tooltip("score:N", title=texts.column_score),
        ],
    )
    counted = numbers.counted(len(known) - 1, texts.transaction_forms)
    title = words.chart_title.format(transactions_counted=counted)
    return charts.layered([stems, dots], title, HEIGHT, numbers)


def _time_format(case: Case, words: CaseTexts) -> str:
    rows: list[EarlierTransaction | ScoredTransaction] = [*case.earlier, case.transaction]
    moments = [row.event_time for row in rows if row.event_time is not None]
    return words.chart_hours if max(moments) - min(moments) <= HOURS_UP_TO else words.chart_dates


def _point(row: EarlierTransaction | ScoredTransaction, side: str, texts: Texts) -> dict[str, Any]:
    numbers = texts.numbers
    return {
        "time": row.event_time.isoformat() if row.event_time else None,
        "when": role_text("time", row, texts),
        "amount": row.amount,
        "sum": role_text("amount", row, texts),
        "what": role_text("category", row, texts),
        "score": MISSING if row.score is None else numbers.decimal(row.score, 3),
        "side": side,
    }
