"""The results: totals, the latest flagged transactions and the histogram of the latest scores."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from ui.check import render
from ui.check.texts import CHECK_TEXTS
from ui.database import Database
from ui.shell import charts
from ui.shell.frame import ADD_UTC_OFFSET, NO_PROGRESS, VIEWING, Frame, Update, friendly_errors
from ui.shell.page_state import skips, value_of
from ui.shell.render import hint, section_head
from ui.shell.texts import Texts
from ui.threshold.models import ScoringModel


@dataclass(frozen=True)
class Latest:
    """The section's components, which the upload refreshes too: `shown` are the outputs of results()."""

    shown: list[gr.components.Component]


def build(frame: Frame, mart: Database, model: Callable[[], ScoringModel | None]) -> Latest:
    """Place the section and wire its button."""
    texts, words, state = frame.texts, CHECK_TEXTS[frame.texts.language], frame.state
    with gr.Column(elem_classes="card", elem_id="results"):
        gr.HTML(section_head(words.results_heading))
        button = gr.Button(words.view_button, variant="primary", elem_id="view")
        totals = gr.HTML(hint(words.results_hint), elem_id="totals")
        flagged = gr.HTML(elem_id="flagged")
        plot = gr.Plot(visible=False, show_label=False, elem_id="plot")
        viewed = gr.Checkbox(False, visible="hidden")

    def view(utc_offset_minutes: float) -> tuple[Update, ...]:
        with friendly_errors(texts):
            return results(mart, model(), texts, int(utc_offset_minutes or 0))

    def view_again(stored: str, utc_offset_minutes: float) -> tuple[Update, ...]:
        return view(utc_offset_minutes) if value_of(stored, "viewed") else skips(3)

    latest = Latest([totals, flagged, plot])
    button.click(view, [frame.clock], latest.shown, js=ADD_UTC_OFFSET, **VIEWING)
    button.click(None, None, [viewed], js="() => true", **NO_PROGRESS)
    state.restore(viewed=viewed)
    state.box.change(view_again, [state.box, frame.clock], latest.shown, js=ADD_UTC_OFFSET, **VIEWING)
    return latest


def results(mart: Database, model: ScoringModel | None, texts: Texts, utc_offset_minutes: int) -> tuple[Update, ...]:
    """Return the current totals, table and histogram."""
    answer, words = mart.answer(), CHECK_TEXTS[texts.language]
    head = render.results_head(answer, model, texts, words, utc_offset_minutes)
    if answer.snapshot is None:
        return head, "", gr.update(visible=False)
    flagged = render.flagged_table(answer.snapshot.flagged, texts, words)
    scores = answer.snapshot.scores
    if not scores:
        return head, flagged, gr.update(visible=False)
    threshold = model.threshold if model else None
    chart = charts.histogram(scores, threshold, render.chart_texts(len(scores), threshold, texts, words))
    return head, flagged, gr.update(value=chart, visible=True)
