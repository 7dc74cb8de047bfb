"""«Посмотреть результаты»: the latest flagged transactions and the histogram of the latest scores."""

from dataclasses import dataclass

import gradio as gr

from ui.shell import charts, render
from ui.shell.frame import ADD_UTC_OFFSET, NO_PROGRESS, VIEWING, Frame, Parts, Update, friendly_errors
from ui.shell.kept import skips, value_of
from ui.shell.texts import Texts


@dataclass(frozen=True)
class Latest:
    """The section's components, to be refreshed by other sections too: `shown` are the outputs of results()."""

    shown: list[gr.components.Component]


def build(frame: Frame) -> Latest:
    """Place the section and wire its button."""
    parts, texts = frame.parts, frame.texts
    with gr.Column(elem_classes="card", elem_id="results"):
        gr.HTML(render.section_head(texts.results_heading))
        button = gr.Button(texts.view_button, variant="primary", elem_id="view")
        totals = gr.HTML(render.hint(texts.results_hint), elem_id="totals")
        flagged = gr.HTML(elem_id="flagged")
        plot = gr.Plot(visible=False, show_label=False, elem_id="plot")
        viewed = gr.Checkbox(False, visible="hidden")

    def view(utc_offset_minutes: float) -> tuple[Update, ...]:
        with friendly_errors(texts):
            return results(parts, texts, int(utc_offset_minutes or 0))

    def view_again(kept: str, utc_offset_minutes: float) -> tuple[Update, ...]:
        return view(utc_offset_minutes) if value_of(kept, "viewed") else skips(3)

    latest = Latest([totals, flagged, plot])
    button.click(view, [frame.clock], latest.shown, js=ADD_UTC_OFFSET, **VIEWING)
    button.click(None, None, [viewed], js="() => true", **NO_PROGRESS)
    frame.kept.again(viewed=viewed)
    frame.kept.box.change(view_again, [frame.kept.box, frame.clock], latest.shown, js=ADD_UTC_OFFSET, **VIEWING)
    return latest


def results(parts: Parts, texts: Texts, utc_offset_minutes: int) -> tuple[Update, ...]:
    """Return the totals, the table and the histogram as they are now."""
    answer, model = parts.mart.answer(), parts.model()
    head = render.results_head(answer, model, texts, utc_offset_minutes)
    if answer.snapshot is None:
        return head, "", gr.update(visible=False)
    flagged = render.flagged_table(answer.snapshot.flagged, texts)
    scores = answer.snapshot.scores
    if not scores:
        return head, flagged, gr.update(visible=False)
    threshold = model.threshold if model else None
    chart = charts.histogram(scores, threshold, render.chart_texts(len(scores), threshold, texts))
    return head, flagged, gr.update(value=chart, visible=True)
