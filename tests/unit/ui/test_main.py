"""How the page sets its libraries up."""

import gradio as gr

from ui.__main__ import QUEUE_POLLS, poll_queue_rarely


def test_gradio_looks_at_its_queue_less_often() -> None:
    """It has both figures where they are set, and smaller ones of its own: another version may do without."""
    blocks = gr.Blocks(analytics_enabled=False)
    own = {name: vars(blocks._queue)[name] for name in QUEUE_POLLS}
    assert all(own[name] < seconds for name, seconds in QUEUE_POLLS.items())
    poll_queue_rarely(blocks)
    assert {name: vars(blocks._queue)[name] for name in QUEUE_POLLS} == QUEUE_POLLS
