"""The page: its head, its tabs, its languages. Knows no section's inside."""

import gradio as gr
from gradio.components import Navbar

from ui.check import tab
from ui.files import tab as uploads
from ui.live import tab as live
from ui.login import section as login_section
from ui.payment import tab as byhand_tab
from ui.review import tab as case_tab
from ui.shell import render
from ui.shell.frame import Frame, Parts, Tab
from ui.shell.kept import LINK_PRESSED, KeptValues
from ui.shell.texts import ENGLISH, RUSSIAN, Texts
from ui.threshold import tab as whatif_tab

__all__ = ["TABS", "Parts", "build"]

TABS = (
    Tab("check", tab.TITLES, tab.build),
    Tab("live", live.TITLES, live.build),
    Tab("uploads", uploads.TITLES, uploads.build),
    Tab(case_tab.TAB, case_tab.TITLES, case_tab.build),
    Tab(whatif_tab.TAB, whatif_tab.TITLES, whatif_tab.build),
    Tab(byhand_tab.TAB, byhand_tab.TITLES, byhand_tab.build),
)  # fmt: skip


def build(parts: Parts) -> gr.Blocks:
    """Return the page, not yet served: Russian at /, English at /en."""
    page = gr.Blocks(title=RUSSIAN.title, analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        _lay_out(page, parts, RUSSIAN)
    with page.route(ENGLISH.title, ENGLISH.path, show_in_navbar=False):
        _lay_out(page, parts, ENGLISH)
    return page


def _lay_out(page: gr.Blocks, parts: Parts, texts: Texts) -> None:
    """Place the head and the tabs of the page in one language."""
    Navbar(visible=False)
    head = gr.HTML(render.header(texts), elem_id="head", js_on_load=LINK_PRESSED)
    login_section.build(parts, texts, page)
    clock, kept = gr.Number(0, precision=0, visible="hidden"), KeptValues()
    with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
        for tab in TABS:
            with gr.Tab(tab.titles[texts.language], id=tab.id) as place:
                tab.build(Frame(parts, texts, page, clock, kept, tabs, place))
    kept.wire(page, head)
    page.load(None, js=_set_language(texts), api_visibility="private")


def _set_language(texts: Texts) -> str:
    """Return the script that names the page's language and title: one app serves both languages."""
    return f"() => {{ document.documentElement.lang = '{texts.language}'; document.title = '{texts.title}'; }}"
