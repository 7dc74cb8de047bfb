"""The card that tells which model scores, since when, and how a shadow compares. Knows no SQL."""

from html import escape

import gradio as gr

from ui.database import Database
from ui.shell.formats import local_clock
from ui.shell.frame import ADD_UTC_OFFSET, VIEWING, Frame, Update, friendly_errors
from ui.shell.render_old import hint, notice, section_head, table
from ui.shell.texts import Texts
from ui.threshold.models import HOURS, Comparison, Models, read_models
from ui.threshold.models_texts import FORMS, MODELS_TEXTS, ModelsTexts

SHIFT_DECIMALS = 4


def build(frame: Frame, mart: Database) -> None:
    """Place the card; it is read anew whenever its tab is opened."""
    texts, words = frame.texts, MODELS_TEXTS[frame.texts.language]
    with gr.Column(elem_classes="card", elem_id="models"):
        gr.HTML(section_head(words.heading, words.hint))
        shown = gr.HTML(elem_id="models-shown")

    def show(utc_offset_minutes: float) -> Update:
        with friendly_errors(texts):
            return told(mart.ask(read_models), texts, words, int(utc_offset_minutes or 0))

    frame.tab.select(show, [frame.clock], [shown], **{**VIEWING, "js": ADD_UTC_OFFSET})


def told(models: Models | None, texts: Texts, words: ModelsTexts, utc_offset_minutes: int) -> str:
    """Return what is known as HTML; None: the database does not answer."""
    if models is None:
        return notice(words.away, "warning")
    if not models.begun:
        return notice(words.none_yet)
    return (
        _begun(models, texts, words, utc_offset_minutes)
        + f"<h3>{escape(words.shadow_heading)}</h3>"
        + (_comparison(models.comparison, texts, words) if models.comparison else hint(words.shadow_none))
    )


def _begun(models: Models, texts: Texts, words: ModelsTexts, utc_offset_minutes: int) -> str:
    heads = ((words.column_model, "text"), (words.column_threshold, "number"), (words.column_since, "time"))
    rows = [
        (
            escape(one.model_version) + (f" <strong>({escape(words.in_use)})</strong>" if number == 0 else ""),
            texts.numbers.decimal(one.threshold, 2),
            local_clock(one.began_at, utc_offset_minutes, texts.numbers.date_pattern),
        )
        for number, one in enumerate(models.begun)
    ]
    return table(heads, rows, words.heading)


def _comparison(found: Comparison, texts: Texts, words: ModelsTexts) -> str:
    numbers, scored = texts.numbers, found.scored
    cost = numbers.decimal(found.cpu_seconds / scored * 1e6, 1)
    figures = (
        (words.agreement, numbers.percent(found.agreement)),
        (words.only_model, numbers.whole(found.only_model)),
        (words.only_shadow, numbers.whole(found.only_shadow)),
        (words.mean_shift, numbers.decimal(found.shift / scored, SHIFT_DECIMALS)),
        (words.mean_absolute_shift, numbers.decimal(found.absolute_shift / scored, SHIFT_DECIMALS)),
        (words.largest_shift, numbers.decimal(found.largest_shift, SHIFT_DECIMALS)),
        (words.skipped, numbers.whole(found.skipped)),
        (words.cost, words.cost_value.format(number=cost)),
    )
    sentence = words.shadow_of.format(
        shadow=found.shadow_version,
        model=found.model_version,
        scored=numbers.counted(scored, FORMS[texts.language]),
        hours=HOURS,
    )
    heads = ((words.column_figure, "text"), (words.column_value, "number"))
    return hint(sentence) + table(heads, [tuple(map(escape, row)) for row in figures], words.shadow_heading)
