"""Carries what a reader has entered over to the page in the other language.

It stays in the browser tab (sessionStorage) and is removed as soon as it is read: a form may hold a person's name.
"""

import json
from typing import Any

import gradio as gr

LINK_PRESSED = """
element.addEventListener('click', (event) => {
    const link = event.target.closest('nav a');
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    trigger('click');
});
"""
"""Lets the head's link wait until everything is stored; opened in another tab or without a script, it is a link."""

_STORE = """(...values) => {
    const names = %s, state = {tab: document.querySelector('#tabs [role=tab][aria-selected=true]')?.dataset.tabId};
    names.forEach((name, place) => { state[name] = values[place]; });
    sessionStorage.setItem('page-state', JSON.stringify(state));
    location.href = document.querySelector('#head nav a').href;
}"""

_RESTORE = """(...values) => {
    const names = %s, state = sessionStorage.getItem('page-state');
    sessionStorage.removeItem('page-state');
    if (!state) return [...values, ''];
    const found = JSON.parse(state);
    return [...names.map((name, place) => name in found ? found[name] : values[place]), state];
}"""

_OPEN_TAB = """(state) => {
    const tab = state && JSON.parse(state).tab;
    if (tab) document.querySelector(`#tabs [role=tab][data-tab-id="${tab}"]`)?.click();
}"""


class PageState:
    """Of a page in one language, the components whose values are carried over.

    `box` holds what was carried over, as JSON, and else is empty: its change is the moment to show what depends on it.
    """

    def __init__(self) -> None:
        self.box = gr.Textbox("", visible="hidden")
        self._restored: dict[str, Any] = {}
        self._stored: dict[str, Any] = {}
        self._after: list[tuple[Any, ...]] = []

    def restore(self, **components: Any) -> None:
        """Store the values of these, by name, and set them again on the other page."""
        self._restored |= components

    def store(self, **components: Any) -> None:
        """Store the values of these, by name, for who reads them from `box`: see value_of()."""
        self._stored |= components

    def after_restore(self, handler: Any, inputs: Any, outputs: Any, **wiring: Any) -> None:
        """Call a handler when a page is loaded and everything is set."""
        self._after.append((handler, inputs, outputs, wiring))

    def wire(self, page: gr.Blocks, head: gr.HTML) -> None:
        """Wire the link in the head and the loading of the page, once all sections are built."""
        restored, stored = list(self._restored.values()), {**self._restored, **self._stored}
        head.click(None, list(stored.values()), None, js=_STORE % json.dumps(list(stored)), show_progress="hidden")
        restore = _RESTORE % json.dumps(list(self._restored))
        loaded = page.load(None, restored, [*restored, self.box], js=restore, show_progress="hidden")
        loaded.then(None, [self.box], None, js=_OPEN_TAB)
        for handler, inputs, outputs, wiring in self._after:
            loaded.then(handler, inputs, outputs, **wiring)


def value_of(box: str | None, name: str) -> Any:
    """Return a value that was carried over, None if there is none: the browser could send anything."""
    try:
        found = json.loads(box or "{}")
    except ValueError:
        return None
    return found.get(name) if isinstance(found, dict) else None


def skips(count: int) -> tuple[Any, ...]:
    """Return updates that leave `count` components as they are."""
    return (gr.skip(),) * count
