"""The scripts that open a case from wherever on the page its button stands. Knows no server."""

TAB = "cases"
TITLES = {"ru": "Разбор", "en": "Review"}
"""The analysts' tab: its id, and its title by language."""

OPEN_CASES = f"""() => document.addEventListener('click', (event) => {{
    const button = event.target.closest('[data-case]');
    if (!button) return;
    document.querySelector('[role=tab][data-tab-id={TAB}]')?.click();
    const ask = () => {{
        const opener = document.querySelector('[data-opens-cases]');
        if (opener) opener.dispatchEvent(new CustomEvent('open-case', {{detail: button.dataset.case}}));
        else setTimeout(ask, 30);
    }};
    ask();
}})"""
"""A button with data-case opens that case, wherever on the page it stands.

The tab is built when it is first shown.
"""

OPENER = """
element.dataset.opensCases = '';
element.addEventListener('open-case', (event) => trigger('click', {case: event.detail}));
"""
"""What the tab does when it is asked for a case."""

TO_CASE = "() => { const card = document.getElementById('case'); if (card) { card.scrollIntoView(); card.focus(); } }"
"""Brings the case into view, for the keyboard too."""
