"""The list of files: what is said of an upload."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.sender.report import FileFault
from ui.journal import State, Upload, _upload
from ui.texts_ru import RUSSIAN
from ui.uploads import state_in_words, uploads_table
from ui.uploads_texts import UPLOADS_TEXTS

WORDS = UPLOADS_TEXTS["ru"]


def upload(state: str, refusal: str | None = None, scored: int | None = 0) -> Upload:
    return _upload(
        upload_id=UUID(int=1), file_name="a.csv", bytes=1, analyst="ada", state=state, refusal=refusal, rows=2,
        refused=0, sent=2, scored=scored, started_at=datetime(2026, 11, 24, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (upload("sent"), WORDS.scoring),
        (upload("sent", scored=2), WORDS.scored_all),
        (upload("sent", scored=None), WORDS.scored_unknown),
        (upload("cancelled"), WORDS.states[State.CANCELLED]),
        (upload("refused", FileFault.EMPTY.value), f"отклонён: {RUSSIAN.file_refusals[FileFault.EMPTY]}"),
        (upload("refused", "of another version"), "отклонён"),
        (upload("<paused>"), "<paused>"),
    ],
)
def test_where_an_upload_stands_is_said_in_words(given: Upload, said: str) -> None:
    """What another version of the page has written is shown as it stands, and hides no other file."""
    assert state_in_words(given, RUSSIAN, WORDS) == said
    assert "<paused>" not in uploads_table([given], RUSSIAN, WORDS, 0)
