"""The upload history, read once for all who look. Knows the journal, not the page."""

from ui.database import Connection, Mart
from ui.files import journal
from ui.files.journal import Upload
from ui.watch import Watch

EVERY_SECONDS = 1.0


def watch_uploads(mart: Mart) -> Watch[list[Upload]]:
    """Return what counts the scores of uploads and reads their list, not started."""
    return Watch(lambda: mart.ask(read), EVERY_SECONDS, "watch-uploads")


def read(connection: Connection) -> list[Upload]:
    """Count what uploads still wait for, then return the latest of them, the latest first."""
    journal.count_open(connection)
    return journal.latest(connection)
