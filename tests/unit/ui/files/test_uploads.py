"""The list of files: what is said of an upload, and who cancels one."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import gradio as gr
import pytest

from services.sender.report import FileFault
from ui.check.jobs import Job, Jobs
from ui.check.steps import ReadingFile, Sending
from ui.files.journal import Upload, UploadState, _upload
from ui.files.tab import history, jobs_under_way, state_in_words, uploads_table
from ui.files.texts import UPLOADS_TEXTS
from ui.login.access import Access
from ui.login.users import Role, User
from ui.shell.texts import RUSSIAN
from ui.watch import Observation

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
        (upload("cancelled"), WORDS.states[UploadState.CANCELLED]),
        (upload("refused", FileFault.EMPTY.value), f"отклонён: {RUSSIAN.file_refusals[FileFault.EMPTY]}"),
        (upload("refused", "of another version"), "отклонён"),
        (upload("<paused>"), "<paused>"),
    ],
)
def test_where_an_upload_stands_is_said_in_words(given: Upload, said: str) -> None:
    """What another version of the page has written is shown as it stands, and hides no other file."""
    assert state_in_words(given, RUSSIAN, WORDS) == said
    assert "<paused>" not in uploads_table([given], RUSSIAN, WORDS, 0)


def test_an_upload_under_way_is_reported_as_this_process_knows_it() -> None:
    """Though its journal does not know yet how far it is, or took it for interrupted; a name brings no markup."""
    job = Job(Path("<b>.csv"), "ada", upload_id=UUID(int=1), step=Sending(1_500, 4_000, 2.0))
    listed = history(Observation([upload("interrupted")], 0.0, fresh=True, tried=True), [job], RUSSIAN, WORDS, 0)
    assert "отправляется" in listed
    assert "1\u00a0500" in listed
    reported = jobs_under_way([job], RUSSIAN, WORDS, may_cancel=True)
    assert "Отправлено 1\u00a0500 из 4\u00a0000\u00a0строк" in reported
    assert f'data-cancel="{UUID(int=1)}"' in reported
    assert "<b>.csv" not in reported
    assert "data-cancel" not in jobs_under_way([job], RUSSIAN, WORDS, may_cancel=False)
    assert jobs_under_way([], RUSSIAN, WORDS, may_cancel=True) == ""


@pytest.mark.parametrize(("name", "cancelled"), [("ada", True), ("bob", False), (None, False)])
def test_who_may_send_may_cancel(name: str | None, cancelled: bool) -> None:
    """Also what another has sent; a viewer may not, whatever the browser asks for."""
    users = {"ada": User("ada", Role.ANALYST, ""), "bob": User("bob", Role.VIEWER, "")}
    jobs = Jobs(lambda _: iter([ReadingFile(0)]))
    job = jobs.start(Path("a.csv"), "eve")
    assert job
    analyst = Access(users).analyst(gr.Request(username=name))
    jobs.cancel("another", analyst)
    assert not job.is_cancelled
    jobs.cancel(str(job.upload_id), analyst)
    assert job.is_cancelled is cancelled
