"""The look that the page's Vega charts share."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from ui.shell.formats import Numbers

LABEL_FLIPS_ABOVE = 0.7
"""The threshold's label is right of its rule up to this score, left of it above."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""The major version that Gradio (6.31) draws with, Vega-Lite 5.23: the browser warns of that of Altair, 6.4."""

CALM, ALARM, INK = "#7c93b2", "#d9583b", "#6b7280"


def rule(threshold: float, label: str, colour: str, height: int) -> list[alt.Chart]:
    """Return a vertical rule at a score, and its label `height` pixels from the top."""
    base = alt.Chart(alt.InlineData(values=[{"threshold": threshold, "label": label}]))
    right = threshold <= LABEL_FLIPS_ABOVE
    return [
        base.mark_rule(strokeDash=[5, 4], strokeWidth=1.5, color=colour).encode(x="threshold:Q"),
        base.mark_text(align="left" if right else "right", dx=7 if right else -7, fontSize=12, color=colour).encode(
            x="threshold:Q", y=alt.value(height), text="label:N"
        ),
    ]


def layered(
    layers: Sequence[alt.Chart], title: str, height: int, numbers: Numbers, *, title_offset: int = 10
) -> alt.LayerChart:
    """Return layers as one chart in the page's look, as wide as its container and `height` pixels high."""
    return alt.LayerChart(layer=list(layers)).properties(
        width="container",
        height=height,
        title=alt.Title(title, anchor="start", fontSize=15, fontWeight="normal", offset=title_offset),
        background="transparent",
        padding={"left": 0, "right": 8, "top": 4, "bottom": 4},
        config=_look(),
        usermeta={"embedOptions": _embed_options(numbers)},
        **{"$schema": SCHEMA},
    )


def _look() -> alt.Config:
    """Return the look: no frame, hairline grid, greys readable on white and on black."""
    return alt.Config(
        font="Source Sans Pro, system-ui, sans-serif",
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=INK, titleColor=INK, titleFontWeight="normal", labelFontSize=12, titleFontSize=12,
            gridColor=INK, gridOpacity=0.18, domainColor=INK, tickColor=INK, titlePadding=10,
        ),
        legend=alt.LegendConfig(labelColor=INK, labelFontSize=12, direction="horizontal", symbolType="square"),
        title=alt.TitleConfig(color=INK),
    )  # fmt: skip


def _embed_options(numbers: Numbers) -> dict[str, Any]:
    """Return the options of vega-embed: no menu, SVG, numbers in the page's language."""
    locale = {
        "decimal": numbers.decimal_mark,
        "thousands": numbers.thousands_mark,
        "grouping": [3],
        "currency": ["", ""],
        "percent": f"{numbers.percent_gap}%",
    }
    return {"actions": False, "renderer": "svg", "formatLocale": locale}
