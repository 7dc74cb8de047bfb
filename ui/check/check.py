"""The first tab: send a file, see the results. Knows its two sections."""

from ui.check import results as latest
from ui.check.tab import Sending
from ui.shell.frame import Frame

TITLES = {"ru": "Проверка", "en": "Check"}


def build(frame: Frame) -> None:
    """Place the upload over the results; each sent file refreshes them."""
    sending = Sending(frame)
    sending.wire(latest.build(frame))
