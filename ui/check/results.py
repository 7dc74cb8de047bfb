"""The results: totals, the latest flagged transactions and the histogram of the latest scores."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from ui.check import render
from ui.check.histogram import histogram
from ui.check.texts import CHECK_TEXTS
from ui.database import Database
from ui.shell.frame import ADD_UTC_OFFSET, NO_PROGRESS, VIEWING, Frame, Update, friendly_errors
from ui.shell.page_state import skips, value_of
from ui.shell.render import hint, section_head
from ui.threshold.models import ScoringModel


@dataclass(frozen=True)
class Latest:
    """The section's components, and what returns their new values.

    `refreshed` is called with the value of `scale`, whether the histogram's scale is logarithmic, and the minutes by
    which the reader's clock is ahead of UTC.
    """

    components: list[gr.components.Component]
    scale: gr.Checkbox
    refreshed: Callable[[bool, float], tuple[Update, ...]]


def build(frame: Frame, mart: Database, model: Callable[[], ScoringModel | None]) -> Latest:
    """Place the section and wire its button."""
    texts, words, state = frame.texts, CHECK_TEXTS[frame.texts.language], frame.state
    with gr.Column(elem_classes="card", elem_id="results"):
        gr.HTML(section_head(words.results_heading))
        button = gr.Button(words.view_button, variant="primary", elem_id="view")
        totals = gr.HTML(hint(words.results_hint), elem_id="totals")
        flagged = gr.HTML(elem_id="flagged")
        with gr.Row(elem_classes="bar"):
            scale = gr.Checkbox(False, label=texts.logarithmic, visible=False, container=False, elem_id="plot-scale")
        plot = gr.Plot(visible=False, show_label=False, elem_id="plot")
        viewed = gr.Checkbox(False, visible="hidden")
    shown: list[gr.components.Component] = [totals, flagged, scale, plot]

    def refreshed(logarithmic: bool, utc_offset_minutes: float) -> tuple[Update, ...]:
        in_use, answer, offset = model(), mart.answer(), int(utc_offset_minutes or 0)
        head, hidden = render.results_head(answer, in_use, texts, words, offset), gr.update(visible=False)
        if answer.snapshot is None:
            return head, "", hidden, hidden
        listed, scores = render.flagged_table(answer.snapshot.flagged, texts, words, offset), answer.snapshot.scores
        if not scores:
            return head, listed, hidden, hidden
        threshold = in_use.threshold if in_use else None
        chart = histogram(scores, threshold, texts, words, logarithmic=logarithmic)
        return head, listed, gr.update(visible=True), gr.update(value=chart, visible=True)

    def view(logarithmic: bool, utc_offset_minutes: float) -> tuple[Update, ...]:
        with friendly_errors(texts):
            return refreshed(logarithmic, utc_offset_minutes)

    def view_again(stored: str, logarithmic: bool, utc_offset_minutes: float) -> tuple[Update, ...]:
        return view(logarithmic, utc_offset_minutes) if value_of(stored, "viewed") else skips(4)

    for event in (button.click, scale.input):
        event(view, [scale, frame.clock], shown, js=ADD_UTC_OFFSET, **VIEWING)
    button.click(None, None, [viewed], js="() => true", **NO_PROGRESS)
    state.restore(viewed=viewed, histogram_scale=scale)
    state.box.change(view_again, [state.box, scale, frame.clock], shown, js=ADD_UTC_OFFSET, **VIEWING)
    return Latest(shown, scale, refreshed)
