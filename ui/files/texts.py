"""The words of the upload history, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ui.files.journal import UploadState


@dataclass(frozen=True, slots=True)
class UploadsTexts:
    """The history of uploads in one language."""

    heading: str = "Отправленные файлы"
    hint: str = (
        "Что стало с каждым файлом. Принятый файл отправляется до конца, даже если закрыть страницу. "
        "Оценки скачиваются как CSV; строки без оценки в нём пусты."
    )
    empty: str = "Файлов ещё не отправляли. Загрузите CSV на вкладке «Проверка»."
    away: str = "База недоступна. Список появится, как только она ответит."
    away_since: str = "База недоступна: показан последний известный список."
    first_reading: str = "Читаем базу…"
    column_time: str = "Начат"
    column_file: str = "Файл"
    column_analyst: str = "Кто"
    column_rows: str = "Строк"
    column_refused: str = "Отклонено"
    column_sent: str = "Отправлено"
    column_scored: str = "Оценено"
    column_state: str = "Состояние"
    column_download: str = "Оценки"
    states: Mapping[UploadState, str] = field(
        default_factory=lambda: {
            UploadState.READING: "читается",
            UploadState.SENDING: "отправляется",
            UploadState.SENT: "отправлен",
            UploadState.CANCELLED: "отменён",
            UploadState.INTERRUPTED: "прерван",
            UploadState.REFUSED: "отклонён",
            UploadState.KAFKA_AWAY: "Kafka не отвечала",
            UploadState.KAFKA_REFUSES: "Kafka не приняла",
        }
    )
    scored_all: str = "оценён"
    scoring: str = "ждёт оценок"
    scored_unknown: str = "отправлен; оценки не прослежены: база была недоступна"
    download: str = "Скачать CSV"
    cancel: str = "Отменить"
    no_login: str = "без входа"
    unknown: str = "—"
    shown: str = "Показаны последние {shown}."


UPLOADS_TEXTS = {
    "ru": UploadsTexts(),
    "en": UploadsTexts(
        heading="Files sent",
        hint="What became of each file. An accepted file is sent to its end even if the page is closed. "
        "Scores are downloaded as CSV; rows without a score are empty in it.",
        empty="No file was sent yet. Upload a CSV in the tab “Check”.",
        away="The database is away. The list will appear as soon as it answers.",
        away_since="The database is away: this is the last list known.",
        first_reading="Reading the database…",
        column_time="Begun",
        column_file="File",
        column_analyst="Who",
        column_rows="Rows",
        column_refused="Refused",
        column_sent="Sent",
        column_scored="Scored",
        column_state="State",
        column_download="Scores",
        states={
            UploadState.READING: "being read",
            UploadState.SENDING: "being sent",
            UploadState.SENT: "sent",
            UploadState.CANCELLED: "cancelled",
            UploadState.INTERRUPTED: "interrupted",
            UploadState.REFUSED: "refused",
            UploadState.KAFKA_AWAY: "Kafka did not answer",
            UploadState.KAFKA_REFUSES: "Kafka did not take it",
        },
        scored_all="scored",
        scoring="waiting for scores",
        scored_unknown="sent; scores not traced: the database was away",
        download="Download CSV",
        cancel="Cancel",
        no_login="no login",
        shown="The latest {shown} are shown.",
    ),
}
