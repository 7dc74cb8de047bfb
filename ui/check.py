"""The first tab: send a file, see the results. Knows its two sections."""

from ui import latest
from ui.frame import Frame
from ui.sending import Sending

TITLES = {"ru": "Проверка", "en": "Check"}


def build(frame: Frame) -> None:
    """Place the upload over the results; each sent file refreshes them."""
    sending = Sending(frame)
    sending.wire(latest.build(frame))
