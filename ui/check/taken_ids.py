"""What the reader wants done with rows whose ids other payments have: a choice beside the upload, seldom needed."""

from typing import Any

import gradio as gr

from services.sender.ids import TakenIds
from ui.shell.texts import Texts


def taken_ids_choice(texts: Texts) -> Any:
    """Place the choice, closed; its value is one of TakenIds."""
    choices = [
        (texts.ids_ask, TakenIds.ASK.value),
        (texts.ids_own, TakenIds.OWN.value),
        (texts.ids_overwrite, TakenIds.OVERWRITE.value),
    ]
    with gr.Accordion(texts.ids_heading, open=False, elem_id="taken-ids"):
        return gr.Radio(choices, value=TakenIds.ASK.value, label=texts.ids_heading, show_label=False)
