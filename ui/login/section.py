"""The line at the top of the page: who is logged in, as what, and the link to log out."""

import gradio as gr
from markupsafe import Markup

from ui.login.access import Access
from ui.login.texts import LOGIN_TEXTS
from ui.shell.frame import NO_PROGRESS
from ui.shell.texts import Texts


def build(access: Access, texts: Texts, page: gr.Blocks) -> None:
    """Place the line, filled each time the page is opened; there is none if no login is required."""
    if not access.is_required:
        return
    words = LOGIN_TEXTS[texts.language]
    line = gr.HTML(elem_id="who")

    def user_line(request: gr.Request) -> Markup:
        role = access.role(request)
        if role is None:
            return Markup()
        line = Markup('<p><b>{}</b> · {} · <a href="logout?all_session=false">{}</a></p>')
        return line.format(request.username or "", words.roles[role], words.leave)

    page.load(user_line, None, [line], **NO_PROGRESS)
