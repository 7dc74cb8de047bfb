"""Says at the top of the page who is logged in, as what, and how to leave. Knows no passwords."""

import gradio as gr
from markupsafe import Markup

from ui.login.access import Access
from ui.login.texts import LOGIN_TEXTS
from ui.shell.frame import NO_PROGRESS
from ui.shell.texts import Texts


def build(access: Access, texts: Texts, page: gr.Blocks) -> None:
    """Place the line and fill it at each opening of the page; without a login there is none."""
    if not access.is_asked:
        return
    words = LOGIN_TEXTS[texts.language]
    line = gr.HTML(elem_id="who")

    def who(request: gr.Request) -> Markup:
        role = access.role(request)
        if role is None:
            return Markup()
        line = Markup('<p><b>{}</b> · {} · <a href="logout?all_session=false">{}</a></p>')
        return line.format(request.username or "", words.roles[role], words.leave)

    page.load(who, None, [line], **NO_PROGRESS)
