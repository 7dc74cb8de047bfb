"""What the language link takes along: the reader's browser keeps it from one page to the next. Knows no section.

It stays in the browser tab (sessionStorage) and is removed as soon as it is read: a form may hold a person's name.
"""

import json
from typing import Any

import gradio as gr

from ui.shell.frame import NO_PROGRESS, Update

LINK_PRESSED = """
element.addEventListener('click', (event) => {
    const link = event.target.closest('nav a');
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    trigger('click');
});
"""
"""Lets the head's link wait until everything is kept; opened in another tab or without a script, it is a link."""

_KEEP = """(...values) => {
    const names = %s, kept = {tab: document.querySelector('#tabs [role=tab][aria-selected=true]')?.dataset.tabId};
    names.forEach((name, place) => { kept[name] = values[place]; });
    sessionStorage.setItem('kept', JSON.stringify(kept));
    location.href = document.querySelector('#head nav a').href;
}"""

_TAKE = """(...values) => {
    const names = %s, kept = sessionStorage.getItem('kept');
    sessionStorage.removeItem('kept');
    if (!kept) return [...values, ''];
    const found = JSON.parse(kept);
    return [...names.map((name, place) => name in found ? found[name] : values[place]), kept];
}"""

_OPEN_TAB = """(kept) => {
    const tab = kept && JSON.parse(kept).tab;
    if (tab) document.querySelector(`#tabs [role=tab][data-tab-id="${tab}"]`)?.click();
}"""


class KeptValues:
    """Of a page in one language, the components whose values are taken along.

    `box` holds what was taken along, as JSON, and is empty else: its change is the moment to show what depends on it.
    """

    def __init__(self) -> None:
        self.box = gr.Textbox("", visible="hidden")
        self._again: dict[str, Any] = {}
        self._read: dict[str, Any] = {}
        self._then: list[tuple[Any, ...]] = []

    def again(self, **components: Any) -> None:
        """Set these, by name, to the values they had."""
        self._again |= components

    def read(self, **components: Any) -> None:
        """Keep the values of these, by name, for who reads them from `box`: see value_of()."""
        self._read |= components

    def then(self, handler: Any, inputs: Any, outputs: Any, **wiring: Any) -> None:
        """Call a handler when a page is loaded and everything is set."""
        self._then.append((handler, inputs, outputs, wiring))

    def wire(self, page: gr.Blocks, head: gr.HTML) -> None:
        """Wire the link in the head and the loading of the page, once all sections are built."""
        again, kept = list(self._again.values()), {**self._again, **self._read}
        quietly: dict[str, Any] = {"api_visibility": "private"}
        head.click(None, list(kept.values()), None, js=_KEEP % json.dumps(list(kept)), **quietly)
        loaded = page.load(None, again, [*again, self.box], js=_TAKE % json.dumps(list(self._again)), **quietly)
        loaded.then(None, [self.box], None, js=_OPEN_TAB, **quietly)
        for handler, inputs, outputs, wiring in self._then:
            loaded.then(handler, inputs, outputs, **{**NO_PROGRESS, **wiring})


def value_of(box: str | None, name: str) -> Any:
    """Return a value that was taken along, None if there is none: the browser could send anything."""
    try:
        found = json.loads(box or "{}")
    except ValueError:
        return None
    return found.get(name) if isinstance(found, dict) else None


def skips(count: int) -> tuple[Update, ...]:
    """Return what leaves so many components as they are."""
    return (gr.skip(),) * count
