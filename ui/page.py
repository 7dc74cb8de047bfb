"""The page: its head, its tabs, its languages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import gradio as gr
from gradio.components import Navbar

from services.common.process import StopSignal
from ui.check import tab as check_tab
from ui.check.jobs import Jobs
from ui.database import Database
from ui.files import tab as files_tab
from ui.files.journal import Upload
from ui.live import tab as live_tab
from ui.live.drift import DriftReading
from ui.live.reading import Live
from ui.login import section as login_section
from ui.login.access import Access
from ui.payment import tab as payment_tab
from ui.review import tab as review_tab
from ui.shell import render
from ui.shell.frame import Frame
from ui.shell.page_state import LINK_PRESSED, PageState
from ui.shell.texts import ENGLISH, RUSSIAN, Texts
from ui.threshold import tab as threshold_tab
from ui.threshold.models import ScoringModel
from ui.threshold.whatif import Curve
from ui.watch import Watch


@dataclass(frozen=True)
class Tab:
    """A tab: its id, its title by language, and the function that builds it inside the Blocks context."""

    id: str
    titles: Mapping[str, str]
    build: Callable[[Frame], None]


def build(
    *,
    mart: Database,
    access: Access,
    model: Callable[[], ScoringModel | None],
    curve: Callable[[], Curve | None],
    jobs: Jobs,
    uploads: Watch[list[Upload]],
    max_file_mb: int,
    live: Live,
    drift: Watch[DriftReading],
    pay: Callable[[bytes | None, bytes], None],
    categories: Sequence[str],
    stop: StopSignal,
) -> gr.Blocks:
    """Return the page, not yet served: Russian at /, English at /en.

    Args:
        mart: what the tabs read.
        access: who may see and do what.
        model: returns the model in use, None if it is not known.
        curve: returns the model's validation curve, None if there is none.
        jobs: sends files.
        uploads: the files sent so far.
        max_file_mb: largest file accepted, in megabytes.
        live: the readings of the stream.
        drift: the reading of the drift.
        pay: sends one message, given its key and value.
        categories: those the model knows.
        stop: set when the page shall end.
    """
    check = partial(
        check_tab.build, mart=mart, model=model, jobs=jobs, uploads=uploads, access=access, stop=stop,
        max_file_mb=max_file_mb,
    )  # fmt: skip
    single = partial(payment_tab.build, mart=mart, access=access, pay=pay, categories=categories, stop=stop)
    tabs = (
        Tab("check", check_tab.TITLES, check),
        Tab("live", live_tab.TITLES, partial(live_tab.build, live=live, drift=drift, model=model, access=access)),
        Tab("uploads", files_tab.TITLES, partial(files_tab.build, jobs=jobs, uploads=uploads, access=access)),
        Tab(review_tab.TAB, review_tab.TITLES, partial(review_tab.build, mart=mart, access=access)),
        Tab(threshold_tab.TAB, threshold_tab.TITLES, partial(threshold_tab.build, mart=mart, model=model, curve=curve)),
        Tab(payment_tab.TAB, payment_tab.TITLES, single),
    )
    page = gr.Blocks(title=RUSSIAN.title, analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        _lay_out(page, tabs, access, RUSSIAN)
    with page.route(ENGLISH.title, ENGLISH.path, show_in_navbar=False):
        _lay_out(page, tabs, access, ENGLISH)
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
    state.wire(page, head)
    page.load(None, js=_set_language(texts), api_visibility="private")


def _set_language(texts: Texts) -> str:
    """Return the script that names the page's language and title: one app serves both languages."""
    return f"() => {{ document.documentElement.lang = '{texts.language}'; document.title = '{texts.title}'; }}"
