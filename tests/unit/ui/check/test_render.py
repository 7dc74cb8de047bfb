"""The steps of an upload as HTML."""

from html import escape

from services.sender.report import FileFault, FileReport, Refusal, Repair, RowFault
from ui.check import render
from ui.check.steps import Refused, Sending, Sent, Step
from ui.check.texts import CHECK_TEXTS
from ui.files.journal import UploadState
from ui.shell.texts import RUSSIAN, Texts

WORDS = CHECK_TEXTS["ru"]
EVIL = "<script>alert(1)</script>"


def found(
    ready: int = 18_000, refused: int = 0, repaired: dict[Repair, int] | None = None, missing: tuple[str, ...] = ()
) -> FileReport:
    lines = tuple(Refusal(line, "amount", RowFault.BAD_NUMBER, EVIL) for line in range(2, 2 + min(refused, 100)))
    return FileReport(ready + refused, ready, repaired or {}, lines, refused, "utf-8", ",", missing, ())


def shown(step: Step, texts: Texts) -> str:
    words = CHECK_TEXTS[texts.language]
    return render.headline(step, texts, words) + render.details(step, texts, words)


def test_progress_tells_rows_and_rate() -> None:
    """Rows so far, of how many, and rows a second."""
    html = shown(Sending(4_500, 18_000, 1.5), RUSSIAN)
    assert "Отправлено 4\u00a0500 из 18\u00a0000\u00a0строк" in html
    assert "3\u00a0000\u00a0строк в секунду" in html
    assert 'value="0.2500"' in html


def test_a_whole_upload_is_summed_up() -> None:
    """Rows sent, in what time, and that the same file may be sent again."""
    html = shown(Sent(found(), 18_000, 2.0), RUSSIAN)
    assert "Готово: 18\u00a0000\u00a0строк в Kafka за 2,0 с, 9\u00a0000\u00a0строк в секунду." in html
    assert WORDS.may_resend in html
    assert WORDS.refused_heading not in html
    assert WORDS.repaired_heading not in html


def test_repairs_are_reported_with_what_they_count() -> None:
    """A repair of the file has no number, one of columns counts columns, one of rows rows."""
    repaired = {Repair.QUOTED_ROW: 412, Repair.BOM: 1, Repair.COLUMN_MISSING: 2}
    html = shown(Sent(found(repaired=repaired, missing=("lat", EVIL)), 18_000, 2.0), RUSSIAN)
    items = [WORDS.repairs[kind] for kind in (Repair.BOM, Repair.COLUMN_MISSING, Repair.QUOTED_ROW)]
    counted = ("", f": 2\u00a0колонки (lat, {escape(EVIL)})", ": 412\u00a0строк")
    for item, count in zip(items, counted, strict=True):
        assert f"<li>{item}{count}</li>" in html
    assert html.index(items[0]) < html.index(items[1]) < html.index(items[2])


def test_refused_lines_are_reported_with_field_and_reason() -> None:
    """Line, field and reason of the first hundred, and how many there are in all."""
    html = shown(Sent(found(refused=250), 18_000, 2.0), RUSSIAN)
    assert html.count("<tr>") == 101
    assert "Показаны первые 100 из 250." in html
    assert RUSSIAN.row_refusals[RowFault.BAD_NUMBER] in html


def test_kafka_unavailable_is_reported_with_what_was_sent() -> None:
    """How far it got, and that the same file may be sent again."""
    html = shown(Sent(found(), 7_000, 9.0, state=UploadState.KAFKA_UNAVAILABLE), RUSSIAN)
    assert "Kafka не отвечает: отправлено 7\u00a0000 из 18\u00a0000\u00a0строк." in html
    assert "Готово" not in html


def test_kafka_refusing_is_no_outage() -> None:
    """No topic or no permission: trying again would not help, and the page does not say it would."""
    html = shown(Sent(found(), 0, 0.1, state=UploadState.KAFKA_REJECTS), RUSSIAN)
    assert "нет топика или доступа" in html
    assert "Попробуйте" not in html


def test_a_file_without_a_good_row_is_reported() -> None:
    """Nothing was sent, and not for want of Kafka."""
    html = shown(Sent(found(ready=0, refused=3), 0, 0.0), RUSSIAN)
    assert WORDS.sent_none in html
    assert "Kafka" not in html


def test_a_refused_file_names_its_columns() -> None:
    """The sentence on missing columns says which."""
    refused = Refused(FileFault.MISSING_COLUMNS, "required columns are missing: amount, cat_id")
    assert "Нет обязательных колонок: amount, cat_id." in shown(refused, RUSSIAN)


def test_scored_so_far_ends_with_all() -> None:
    """A bar while scores arrive, a sentence when all are there."""
    assert "Оценено 5 из 21\u00a0отправленной строки" in render.scored_so_far(5, 21, RUSSIAN, WORDS)
    done = render.scored_so_far(21, 21, RUSSIAN, WORDS)
    assert "Оценены все строки файла: 21." in done
    assert "<progress" not in done
