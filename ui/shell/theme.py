"""The theme of Gradio, stylesheets and scripts of the page; the rest of the look is in page.css."""

from pathlib import Path

import gradio as gr
from gradio.themes.utils import colors, sizes

_PAGE = Path(__file__).resolve().parents[1]

STYLESHEETS = tuple(sorted(_PAGE.rglob("*.css"), key=lambda path: path.name))
"""One for the whole page and one for each section that needs it."""

SCRIPTS = tuple(path.read_text(encoding="utf-8") for path in sorted(_PAGE.rglob("*.js")))

FAVICON = Path(__file__).with_name("favicon.svg")

_WEIGHTS = (400, 700)
"""Gradio's files of weight 600, its default for headings, have no Cyrillic letters."""


def scripts() -> str:
    """Return the script elements for the head of the page."""
    return "".join(f"<script>{script}</script>" for script in SCRIPTS)


def theme() -> gr.Theme:
    """Return the theme: fonts with Cyrillic served by the page itself, a blue on which white text is readable."""
    look = gr.themes.Default(
        primary_hue=colors.blue,
        neutral_hue=colors.slate,
        radius_size=sizes.radius_md,
        font=[gr.themes.LocalFont("Source Sans Pro", weights=_WEIGHTS), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=_WEIGHTS), "ui-monospace", "monospace"],
    )
    return look.set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        link_text_color_dark="*secondary_300",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_large_text_weight="700",
        button_small_text_weight="700",
        block_title_text_weight="400",
        block_title_text_size="13px",
        block_title_text_color="*body_text_color_subdued",
        block_title_text_color_dark="*body_text_color_subdued",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_600",
        checkbox_background_color_selected="*primary_700",
        checkbox_background_color_selected_dark="*primary_600",
        checkbox_border_color="*neutral_400",
        checkbox_border_color_dark="*neutral_500",
        slider_color="*primary_600",
    )
