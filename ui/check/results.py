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
    """The section's components, and what returns their new values for a reader's offset from UTC in minutes."""

    components: list[gr.components.Component]
    refreshed: Callable[[int], tuple[Update, ...]]


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
    shown = [totals, flagged, plot]

    def refreshed(utc_offset_minutes: int) -> tuple[Update, ...]:
        in_use, answer = model(), mart.answer()
        head = render.results_head(answer, in_use, texts, words, utc_offset_minutes)
        if answer.snapshot is None:
            return head, "", gr.update(visible=False)
        listed, scores = render.flagged_table(answer.snapshot.flagged, texts, words), answer.snapshot.scores
        if not scores:
            return head, listed, gr.update(visible=False)
        threshold = in_use.threshold if in_use else None
        chart = histogram(scores, threshold, texts, words)
        return head, listed, gr.update(value=chart, visible=True)

    def view(utc_offset_minutes: float) -> tuple[Update, ...]:
        with friendly_errors(texts):
            return refreshed(int(utc_offset_minutes or 0))

    def view_again(stored: str, utc_offset_minutes: float) -> tuple[Update, ...]:
        return view(utc_offset_minutes) if value_of(stored, "viewed") else skips(3)

    button.click(view, [frame.clock], shown, js=ADD_UTC_OFFSET, **VIEWING)
    button.click(None, None, [viewed], js="() => true", **NO_PROGRESS)
    state.restore(viewed=viewed)
    state.box.change(view_again, [state.box, frame.clock], shown, js=ADD_UTC_OFFSET, **VIEWING)
    return Latest(shown, refreshed)
