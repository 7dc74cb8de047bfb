"""The tab of the threshold's what-if. Knows what is asked for when; reckoning, words and SQL are elsewhere."""

from collections.abc import Callable

import gradio as gr

from ui.database import Database
from ui.shell.frame import NO_PROGRESS, VIEWING, Frame, Update, friendly_errors
from ui.shell.render_old import section_head
from ui.threshold import models_card, whatif
from ui.threshold.models import ScoringModel
from ui.threshold.render import comparison, curve_chart
from ui.threshold.texts import WHATIF_TEXTS
from ui.threshold.whatif import Basis, Curve

TITLES = {"ru": "Порог", "en": "Threshold"}
TAB = "whatif"

_UNKNOWN = 0.5
"""Where the slider stands if the model's own threshold is not known."""


def build(
    frame: Frame, *, mart: Database, model: Callable[[], ScoringModel | None], curve: Callable[[], Curve | None]
) -> None:
    """Place slider, table and chart, wire their events, and tell below of the model that the threshold is of."""
    WhatIf(frame, mart, model, curve).wire()
    models_card.build(frame, mart)


class WhatIf:
    """The tab in one language."""

    def __init__(
        self,
        frame: Frame,
        mart: Database,
        model: Callable[[], ScoringModel | None],
        curve: Callable[[], Curve | None],
    ) -> None:
        self._frame, self._texts = frame, frame.texts
        self._mart, self._model, self._curve = mart, model, curve
        words = self._words = WHATIF_TEXTS[frame.texts.language]
        with gr.Column(elem_classes="card", elem_id="whatif"):
            gr.HTML(section_head(words.heading, words.hint))
            with gr.Row(elem_classes="controls"):
                self._threshold = gr.Slider(
                    whatif.THRESHOLDS[0], whatif.THRESHOLDS[-1], _UNKNOWN, step=0.01, label=words.threshold,
                    elem_id="whatif-threshold", buttons=[],
                )  # fmt: skip
                self._a_day = gr.Number(
                    0, minimum=0, precision=0, label=words.payments_a_day, info=words.payments_hint,
                    elem_id="whatif-payments",
                )  # fmt: skip
                self._back = gr.Button(words.back, elem_id="whatif-back")
            self._table = gr.HTML(elem_id="whatif-table")
            self._plot = gr.Plot(visible=False, show_label=False, elem_id="whatif-plot", elem_classes="chart")
            self._basis = gr.State(None)
            self._moved = gr.Checkbox(False, visible="hidden")

    def wire(self) -> None:
        """Wire the events: the mart is read when the tab opens, moving the slider asks it nothing."""
        chosen, shown = [self._threshold, self._a_day, self._basis], [self._table, self._plot]
        begun = [self._threshold, self._a_day, self._basis, *shown]
        self._frame.tab.select(self.begin, [self._threshold, self._a_day, self._moved], begun, **VIEWING)
        self._back.click(self.begin, None, begun, **VIEWING)
        self._back.click(None, None, [self._moved], js="() => false", **NO_PROGRESS)
        for control in (self._threshold, self._a_day):
            control.input(self.show, chosen, shown, trigger_mode="always_last", **VIEWING)
            control.input(None, None, [self._moved], js="() => true", **NO_PROGRESS)
        self._frame.state.restore(threshold=self._threshold, a_day=self._a_day, moved=self._moved)

    def begin(self, threshold: float = _UNKNOWN, a_day: float | None = None, moved: bool = False) -> tuple[Update, ...]:
        """Stand where the reader has moved to, else at the threshold in use, with the stream's own payments a day."""
        with friendly_errors(self._texts):
            model, basis = self._model(), self._mart.ask(whatif.read_basis)
            if not moved:
                threshold = model.threshold if model else _UNKNOWN
                a_day = round(basis.stream.a_day) if basis and basis.stream.payments else None
            return threshold, a_day, basis, *self._shown(threshold, a_day, basis)

    def show(self, threshold: float, a_day: float | None, basis: Basis | None) -> tuple[Update, ...]:
        """Show what the chosen threshold would do."""
        with friendly_errors(self._texts):
            return self._shown(threshold, None if a_day is None else max(0.0, a_day), basis)

    def _shown(self, threshold: float, a_day: float | None, basis: Basis | None) -> tuple[Update, ...]:
        model = self._model()
        curve = self._curve_of(model)
        told = comparison(threshold, model, curve, basis, a_day, self._texts, self._words)
        if curve is None:
            return told, gr.update(visible=False)
        in_use = model.threshold if model else None
        return told, gr.update(value=curve_chart(curve, threshold, in_use, self._texts, self._words), visible=True)

    def _curve_of(self, model: ScoringModel | None) -> Curve | None:
        """Return the curve if it is of the model in use."""
        curve = self._curve()
        return curve if curve and model and curve.version == model.version else None
