"""The live tab: the stream, its latest transactions and data drift. Refreshes itself while it is visible."""

import time
from collections.abc import Callable
from typing import Any

import gradio as gr
from markupsafe import Markup

from services.common.logs import get_logger
from ui.live import filter as live_filter
from ui.live import render
from ui.live.drift import DriftReading
from ui.live.filter import Choices, Filter
from ui.live.reading import EVERY_SECONDS, Live, LiveReading
from ui.live.texts import DRIFT_TEXTS, LIVE_TEXTS
from ui.login.access import Access
from ui.shell.frame import ADD_UTC_OFFSET, NO_PROGRESS, VIEWING, Frame, Update, logged
from ui.shell.page_state import skips, value_of
from ui.shell.render import css_words, hint, merchant_name, notice, section_head, subheading, unread
from ui.threshold.models import ScoringModel
from ui.watch import Watch

TITLES = {"ru": "Сейчас", "en": "Now"}

REFRESHES_AT_ONCE = 32
DRIFT_SHOWN_EVERY_SECONDS = 30.0


def build(
    frame: Frame,
    *,
    live: Live,
    drift: Watch[DriftReading],
    model: Callable[[], ScoringModel | None],
    access: Access,
) -> None:
    """Place the live view and the section on drift, and wire their events."""
    LiveView(frame, live, model, access).wire()
    _build_drift(frame, drift)


def _build_drift(frame: Frame, drift: Watch[DriftReading]) -> None:
    texts, words = frame.texts, DRIFT_TEXTS[frame.texts.language]
    with gr.Column(elem_classes="card dense", elem_id="drift"):
        gr.HTML(section_head(words.heading, words.lead))
        shown = gr.HTML(hint(words.first_reading), elem_id="drift-now")

    def show() -> Markup:
        return render.drift(drift.look(), texts, words)

    frame.page.load(show, None, [shown], **VIEWING)
    frame.tab.select(show, None, [shown], **VIEWING)
    gr.Timer(DRIFT_SHOWN_EVERY_SECONDS).tick(show, None, [shown], **NO_PROGRESS)


class LiveView:
    """The live view in one language."""

    def __init__(self, frame: Frame, live: Live, model: Callable[[], ScoringModel | None], access: Access) -> None:
        self._frame, self._texts = frame, frame.texts
        self._live, self._model, self._access = live, model, access
        words = self._words = LIVE_TEXTS[frame.texts.language]
        with gr.Column(elem_classes="card dense", elem_id="live"):
            with gr.Row(elem_classes="bar spread"):
                gr.HTML(section_head(words.heading))
                self._fresh = gr.HTML(hint(words.first_reading), elem_id="live-fresh")
                self._on = gr.Checkbox(True, label=words.refresh, container=False, elem_id="live-on")
            self._now = gr.HTML(elem_id="live-now")
        with gr.Column(elem_classes="card dense", elem_id="window"):
            gr.HTML(css_words(any=words.filter_any) + section_head(words.window_heading))
            self._place_filters()
            self._of = gr.HTML(elem_id="live-window")
            with gr.Row(elem_classes="pair"):
                with gr.Column(min_width=320):
                    gr.HTML(subheading(words.by_category), visible=self._has("category"))
                    self._categories = gr.HTML(elem_id="live-categories")
                with gr.Column(min_width=320):
                    with gr.Row(elem_classes="bar"):
                        gr.HTML(subheading(words.density))
                        self._logarithmic = gr.Checkbox(
                            True, label=self._texts.logarithmic, container=False, elem_id="scale"
                        )
                    self._density = gr.HTML(elem_id="live-density")
        with gr.Column(elem_classes="card dense", elem_id="stream"):
            with gr.Row(elem_classes="bar"):
                gr.HTML(section_head(words.flagged_heading))
                self._names = gr.Checkbox(
                    False,
                    label=words.show_names,
                    container=False,
                    elem_id="live-names",
                    visible=self._texts.has_personal,
                )
            self._table = gr.HTML(elem_id="live-table")
        self._timer = gr.Timer(EVERY_SECONDS, active=False)
        self._offered = gr.State(None)

    def _place_filters(self) -> None:
        words = self._words
        with gr.Row(elem_classes="filters"):
            self._lists = [
                gr.Dropdown(
                    [], multiselect=True, label=self._texts.columns.get(role), elem_id=f"filter-{role}", min_width=140,
                    visible=self._has(role),
                )
                for role in ("state", "category", "merchant")
            ]  # fmt: skip
            self._score = gr.Slider(
                0, 1, 0, step=0.01, label=words.filter_score, elem_id="filter-score", min_width=180, buttons=[]
            )
            self._clear = gr.Button(words.filter_clear, elem_id="filter-clear", size="sm", min_width=100)

    def _has(self, role: str) -> bool:
        """Whether transactions are counted and filtered by a role: one of the contract's, and not personal."""
        return role in self._texts.columns and role not in self._texts.personal

    def wire(self) -> None:
        """Wire the events: the timer runs while the tab is open and the reader has not switched it off."""
        frame = self._frame
        asked: list[Any] = [*self._lists, self._score, self._logarithmic, self._names, self._offered, frame.clock]
        shown: list[Any] = [
            self._fresh, self._now, self._of, self._categories, self._density, self._table, *self._lists, self._offered,
        ]  # fmt: skip
        refreshing: dict[str, Any] = {**NO_PROGRESS, "js": ADD_UTC_OFFSET, "concurrency_limit": REFRESHES_AT_ONCE}
        for event in (self._timer.tick, frame.tab.select, self._on.input):
            event(self.refresh, asked, shown, **refreshing)
        for event in (*(one.input for one in self._lists), self._score.release, self._logarithmic.input):
            event(self.refresh, asked, shown, trigger_mode="always_last", **refreshing)
        self._names.input(self.reveal, [self._names], [self._names], **NO_PROGRESS).then(
            self.refresh, asked, shown, **refreshing
        )
        state = frame.state
        state.restore(live_on=self._on, logarithmic=self._logarithmic, score_from=self._score)
        state.store(**{f"live_{place}": one for place, one in enumerate(self._lists)})
        state.box.change(self.filter_again, [state.box], [*self._lists, self._offered], **NO_PROGRESS)
        self._clear.click(lambda: ([], [], [], 0), None, [*self._lists, self._score], **NO_PROGRESS).then(
            self.refresh, asked, shown, **refreshing
        )
        switch: dict[str, Any] = {**NO_PROGRESS, "queue": False}
        self._on.input(lambda on: gr.Timer(active=on), [self._on], [self._timer], **switch)
        frame.tabs.select(self.pause_when_hidden, [self._on], [self._timer], **switch)

    def filter_again(self, stored: str) -> tuple[Update, ...]:
        """Set the filters that were set on the page in the other language, as far as their values still exist."""
        seen = self._live.mart.look().value if value_of(stored, "tab") else None
        if seen is None:
            return skips(4)
        *lists, found = self._offer(seen, None)
        for place, one in enumerate(lists):
            wanted, there = value_of(stored, f"live_{place}"), {name for _, name in one["choices"]}
            one["value"] = [name for name in wanted if name in there] if isinstance(wanted, list) else []
        return *lists, found

    def pause_when_hidden(self, on: bool, event: gr.SelectData) -> Update:
        """Refresh only while this tab is open."""
        return gr.Timer(active=on and event.value == self._frame.tab.label)

    def reveal(self, names: bool, request: gr.Request) -> Update:
        """Show names to an analyst only, and log that they were shown."""
        analyst = self._access.analyst(request)
        if names and analyst is None:
            gr.Info(self._words.names_refused)
            return gr.update(value=False)
        if names:
            get_logger().info("names_shown", analyst=analyst, where="live")
        return gr.skip()

    def refresh(
        self, states: list[str], categories: list[str], merchants: list[str], score_from: float,
        logarithmic: bool, names: bool, offered: Choices | None, utc_offset_minutes: float, request: gr.Request,
    ) -> tuple[Update, ...]:  # fmt: skip
        """Show the last reading through the reader's filters."""
        with logged():
            wanted = Filter(
                frozenset(states or ()), frozenset(categories or ()), frozenset(merchants or ()), score_from
            )
            names = names and self._access.analyst(request) is not None
            return self._shown(wanted, logarithmic, names, offered, int(utc_offset_minutes or 0))
        return skips(10)

    def _shown(
        self, wanted: Filter, logarithmic: bool, names: bool, offered: Choices | None, utc_offset_minutes: int
    ) -> tuple[Update, ...]:
        """Return the outputs in the order of `shown`."""
        texts, words = self._texts, self._words
        seen = self._live.mart.look()
        fresh = render.freshness(seen, f"{time.monotonic():.3f}", words)
        outage = unread(seen, words.database_unavailable, words.database_unavailable_since, texts)
        if seen.value is None:
            return fresh, outage, "", "", "", "", *skips(4)
        lag, model = self._live.lag.look(), self._model()
        now = outage + render.tiles(seen.value, lag, model, texts, words, utc_offset_minutes)
        now += render.timeline(seen.value.timeline, texts, words, utc_offset_minutes)
        if not seen.value.rows:
            return fresh, now, hint(words.window_none), "", "", notice(words.nothing_yet), *skips(4)
        flagged = wanted.apply(seen.value.flagged)
        table = render.flagged_table(flagged, len(seen.value.flagged), texts, words, utc_offset_minutes, names=names)
        window = self._window(seen.value, model, wanted, logarithmic)
        return fresh, now, *window, table, *self._offer(seen.value, offered)

    def _window(
        self, reading: LiveReading, model: ScoringModel | None, wanted: Filter, logarithmic: bool
    ) -> tuple[Markup, Markup, Markup]:
        """Return the number of matching transactions, their shares by category and the distribution of their scores."""
        texts, words = self._texts, self._words
        rows = wanted.apply(reading.rows)
        line = render.window_line(len(rows), len(reading.rows), wanted.is_set, texts, words)
        if not rows:
            return line, notice(words.filter_none), Markup()
        shares = render.by_category(live_filter.by_category(rows), texts, words) if self._has("category") else Markup()
        density = render.density(live_filter.density(rows), model, texts, words, logarithmic=logarithmic)
        return line, shares, density

    def _offer(self, reading: LiveReading, offered: Choices | None) -> tuple[Update, ...]:
        """Return the values to filter by, if they differ from those this reader was offered last."""
        found = live_filter.choices([*reading.rows, *reading.flagged])
        if found == offered:
            return skips(4)
        merchants = [(merchant_name(name), name) for name in found.merchants]
        states, categories = ([(name, name) for name in names] for names in (found.states, found.categories))
        lists: dict[str, Any] = {"state": states, "category": categories, "merchant": merchants}
        return *(gr.update(choices=given if self._has(role) else []) for role, given in lists.items()), found
