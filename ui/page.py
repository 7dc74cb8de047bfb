"""The page: its head, its tabs, its languages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.components import Navbar
from markupsafe import Markup

from services import __version__
from services.common.contract.model import Contract
from ui.login import section as login_section
from ui.login.access import Access
from ui.shell import render
from ui.shell.frame import Frame
from ui.shell.page_state import LINK_PRESSED, PageState
from ui.shell.roles import with_roles
from ui.shell.texts import ENGLISH, RUSSIAN, Texts


@dataclass(frozen=True)
class Tab:
    """A tab: its id, its titles by language, and what builds it inside the Blocks context."""

    id: str
    titles: Mapping[str, str]
    build: Callable[[Frame], None]


def build(tabs: Sequence[Tab], access: Access, contract: Contract) -> gr.Blocks:
    """Return the page, not yet served: Russian at /, English at /en."""
    russian, english = with_roles(RUSSIAN, contract), with_roles(ENGLISH, contract)
    page = gr.Blocks(title=russian.title, analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        _lay_out(page, tabs, access, russian)
    with page.route(english.title, english.path, show_in_navbar=False):
        _lay_out(page, tabs, access, english)
    for handler in page.fns.values():
        handler.api_visibility = "private"  # Gradio tells anybody who opens the form to log in of the public ones
    return page


def _lay_out(page: gr.Blocks, tabs: Sequence[Tab], access: Access, texts: Texts) -> None:
    """Place the head and the tabs of the page in one language."""
    Navbar(visible=False)
    head = gr.HTML(render.header(texts), elem_id="head", js_on_load=LINK_PRESSED)
    login_section.build(access, texts, page)
    clock, state = gr.Number(0, precision=0, visible="hidden"), PageState()
    with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as bar:
        for tab in tabs:
            with gr.Tab(tab.titles[texts.language], id=tab.id) as place:
                tab.build(Frame(texts, page, clock, state, bar, place))
    gr.HTML(Markup('<p class="hint">fraud-scoring {}</p>').format(__version__))
    state.wire(page, head)
    page.load(None, js=_set_language(texts))


def _set_language(texts: Texts) -> str:
    """Return the script that names the page's language and title: one app serves both languages."""
    return f"() => {{ document.documentElement.lang = '{texts.language}'; document.title = '{texts.title}'; }}"
