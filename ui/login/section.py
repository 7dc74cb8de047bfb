"""Says at the top of the page who is logged in, as what, and how to leave. Knows no passwords."""

import gradio as gr
from markupsafe import Markup

from ui.login.texts import LOGIN_TEXTS
from ui.shell.frame import NO_PROGRESS, Parts
from ui.shell.texts import Texts


def build(parts: Parts, texts: Texts, page: gr.Blocks) -> None:
    """Place the line and fill it at each opening of the page; without a login there is none."""
    if not parts.access.is_asked:
        return
    words = LOGIN_TEXTS[texts.language]
    line = gr.HTML(elem_id="who")

    def who(request: gr.Request) -> Markup:
        role = parts.access.role(request)
        if role is None:
            return Markup()
        line = Markup('<p><b>{}</b> · {} · <a href="logout?all_session=false">{}</a></p>')
        return line.format(request.username or "", words.roles[role], words.leave)

    page.load(who, None, [line], **NO_PROGRESS)
