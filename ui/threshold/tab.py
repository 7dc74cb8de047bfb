"""The threshold tab: what another threshold would do, and which models score."""

from collections.abc import Callable

import gradio as gr

from services.common.manifest import Curve, Manifest
from ui.database import Database
from ui.shell.frame import ADD_UTC_OFFSET, NO_PROGRESS, VIEWING, Frame, Update, friendly_errors
from ui.shell.render import section_head
from ui.threshold import render, whatif
from ui.threshold.models import ScoringModel, read_models
from ui.threshold.texts import MODELS_TEXTS, WHATIF_TEXTS
from ui.threshold.whatif import WhatIfData

TITLES = {"ru": "Порог", "en": "Threshold"}
TAB = "whatif"

_UNKNOWN = 0.5
"""Position of the slider while the current threshold is unknown."""


def build(
    frame: Frame,
    *,
    mart: Database,
    model: Callable[[], ScoringModel | None],
    curve: Callable[[], Curve | None],
    manifest: Callable[[], Manifest | None],
) -> None:
    """Place both sections and wire their events."""
    WhatIf(frame, mart, model, curve, manifest).wire()
    _build_models(frame, mart)


def _build_models(frame: Frame, mart: Database) -> None:
    """Place the section on models; it is read whenever its tab is opened."""
    texts, words = frame.texts, MODELS_TEXTS[frame.texts.language]
    with gr.Column(elem_classes="card", elem_id="models"):
        gr.HTML(section_head(words.heading, words.hint))
        shown = gr.HTML(elem_id="models-shown")

    def show(utc_offset_minutes: float) -> Update:
        with friendly_errors(texts):
            return render.models(mart.ask(read_models), texts, words, int(utc_offset_minutes or 0))

    frame.tab.select(show, [frame.clock], [shown], **{**VIEWING, "js": ADD_UTC_OFFSET})


class WhatIf:
    """The section on what-if in one language."""

    def __init__(
        self,
        frame: Frame,
        mart: Database,
        model: Callable[[], ScoringModel | None],
        curve: Callable[[], Curve | None],
        manifest: Callable[[], Manifest | None],
    ) -> None:
        self._frame, self._texts = frame, frame.texts
        self._mart, self._model, self._curve, self._manifest = mart, model, curve, manifest
        words = self._words = WHATIF_TEXTS[frame.texts.language]
        with gr.Column(elem_classes="card", elem_id="whatif"):
            gr.HTML(section_head(words.heading, words.hint))
            with gr.Row(elem_classes="controls"):
                self._threshold = gr.Slider(
                    whatif.LOWEST, whatif.HIGHEST, _UNKNOWN, step=0.000001, label=words.threshold,
                    elem_id="whatif-threshold", buttons=[],
                )  # fmt: skip
                self._alerts = gr.Number(
                    None, minimum=0, label=words.budget, info=words.budget_hint, elem_id="whatif-alerts"
                )
                self._reset = gr.Button(words.reset, elem_id="whatif-reset")
            self._table = gr.HTML(elem_id="whatif-table")
            self._plot = gr.Plot(visible=False, show_label=False, elem_id="whatif-plot", elem_classes="chart")
            self._data = gr.State(None)
            self._moved = gr.Checkbox(False, visible="hidden")

    def wire(self) -> None:
        """Wire the events: the mart is read when the tab opens, not when the slider moves."""
        shown = [self._table, self._plot]
        begun = [self._threshold, self._alerts, self._data, *shown]
        self._frame.tab.select(self.begin, [self._threshold, self._moved], begun, **VIEWING)
        self._reset.click(self.begin, None, begun, **VIEWING)
        self._reset.click(None, None, [self._moved], js="() => false", **NO_PROGRESS)
        wiring = {"trigger_mode": "always_last", **VIEWING}
        self._threshold.input(self.show, [self._threshold, self._data], [self._alerts, *shown], **wiring)
        chosen = [self._alerts, self._threshold, self._data]
        self._alerts.input(self.show_budget, chosen, [self._threshold, *shown], **wiring)
        for control in (self._threshold, self._alerts):
            control.input(None, None, [self._moved], js="() => true", **NO_PROGRESS)
        self._frame.state.restore(threshold=self._threshold, moved=self._moved)

    def begin(self, threshold: float = _UNKNOWN, moved: bool = False) -> tuple[Update, ...]:
        """Read the mart, and show the threshold that the reader has chosen or else the current one."""
        with friendly_errors(self._texts):
            model, data = self._model(), self._mart.ask(whatif.read_data)
            if not moved:
                threshold = model.threshold if model else _UNKNOWN
            return threshold, _alerts(threshold, data), data, *self._shown(threshold, data)

    def show(self, threshold: float, data: WhatIfData | None) -> tuple[Update, ...]:
        """Show the effect of the chosen threshold."""
        with friendly_errors(self._texts):
            return _alerts(threshold, data), *self._shown(threshold, data)

    def show_budget(self, alerts: float | None, threshold: float, data: WhatIfData | None) -> tuple[Update, ...]:
        """Show the threshold that gives at most so many alerts a day, and its effect."""
        with friendly_errors(self._texts):
            if alerts is not None and data and data.latest.days:
                threshold = data.latest.threshold(max(0.0, alerts))
            return threshold, *self._shown(threshold, data)

    def _shown(self, threshold: float, data: WhatIfData | None) -> tuple[Update, ...]:
        texts, words, model, curve, manifest = self._texts, self._words, self._model(), self._curve(), self._manifest()
        if curve and (model is None or curve.version != model.version):
            curve = None
        of_model = manifest and model and manifest.version == model.version
        calibration = manifest.calibration if manifest and of_model else None
        table = render.comparison(threshold, model, curve, data, calibration, texts, words)
        if curve is None:
            return table, gr.update(visible=False)
        current = model.threshold if model else None
        return table, gr.update(value=render.curve_chart(curve, threshold, current, texts, words), visible=True)


def _alerts(threshold: float, data: WhatIfData | None) -> float | None:
    """Return how many alerts a day a threshold gives, None if that is unknown."""
    effect = data.latest.effect(threshold) if data else None
    return round(effect.alerts.value, 1) if effect else None
