"""The section on drift: what was measured last, and what it means. Knows words and HTML, not how it is measured."""

from html import escape

import gradio as gr

from ui.live.drift import LEAST, MEASURED, SHIFT_FROM, STABLE_BELOW, DriftReading
from ui.live.drift_texts import DRIFT_TEXTS, DriftTexts
from ui.shell.frame import NO_PROGRESS, VIEWING, Frame
from ui.shell.render_old import hint, notice, section_head, table
from ui.shell.texts import Texts
from ui.watch import Observation, Watch

SHOWN_EVERY_SECONDS = 30.0


def build(frame: Frame, drift: Watch[DriftReading]) -> None:
    """Place the section in the tab that is being built."""
    words = DRIFT_TEXTS[frame.texts.language]
    with gr.Column(elem_classes="card dense", elem_id="drift"):
        gr.HTML(section_head(words.heading, words.lead))
        place = gr.HTML(hint(words.first_reading), elem_id="drift-now")

    def show() -> str:
        return shown(drift.look(), frame.texts, words)

    frame.page.load(show, None, [place], **VIEWING)
    frame.tab.select(show, None, [place], **VIEWING)
    gr.Timer(SHOWN_EVERY_SECONDS).tick(show, None, [place], **NO_PROGRESS)


def shown(seen: Observation[DriftReading], texts: Texts, words: DriftTexts) -> str:
    """Return the section's HTML."""
    if not seen.tried:
        return hint(words.first_reading)
    if seen.value is None or not seen.fresh:
        return notice(texts.reading_failed if seen.failed else words.away, "warning")
    drift, numbers = seen.value, texts.numbers
    if not drift.psi:
        return notice(words.unknown)
    if drift.payments < LEAST:
        return notice(words.too_few.format(least=numbers.whole(LEAST)))
    rows = [
        (
            escape(words.names[name]),
            "—" if (psi := drift.psi[name]) is None else numbers.decimal(psi, 3),
            f'<span class="{state_of(name, psi)}">{escape(words.states[state_of(name, psi)])}</span>',
        )
        for name in MEASURED
    ]
    heads = ((words.column_name, "text"), (words.column_psi, "number"), (words.column_state, "text"))
    counted = numbers.counted(drift.payments, words.payment_forms)
    return hint(words.of.format(counted=counted)) + table(heads, rows, words.heading)


def state_of(name: str, psi: float | None) -> str:
    """Return the code of what a PSI means; of `past` only that it differs: new installations all have short ones."""
    if psi is None:
        return "hour" if name == "hour" else "none"
    if psi < STABLE_BELOW:
        return "stable"
    if name == "past":
        return "past"
    return "shift" if psi >= SHIFT_FROM else "moved"
