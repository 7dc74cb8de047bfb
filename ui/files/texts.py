"""Texts of the list of files sent, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ui.files.journal import UploadState


@dataclass(frozen=True, slots=True)
class UploadsTexts:
    """The history of uploads in one language."""

    heading: str = "Отправленные файлы"
    hint: str = (
        "Состояние каждого файла. Принятый файл отправляется до конца, даже если закрыть страницу. "
        "Оценки скачиваются как CSV; у неоценённых строк оценка пуста."
    )
    empty: str = "Файлов ещё не отправляли. Загрузите CSV на вкладке «Проверка»."
    unavailable: str = "База недоступна. Список появится, когда она ответит."
    unavailable_since: str = "База недоступна. Показан последний известный список."
    first_reading: str = "Загрузка…"
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
            UploadState.KAFKA_UNAVAILABLE: "Kafka недоступна",
            UploadState.KAFKA_REJECTS: "отклонён Kafka",
        }
    )
    scored_all: str = "оценён"
    scoring: str = "ждёт оценок"
    scored_unknown: str = "отправлен; оценки неизвестны: база была недоступна"
    download: str = "Скачать CSV"
    cancel: str = "Отменить"
    no_login: str = "без входа"
    unknown: str = "—"
    shown: str = "Показаны последние {shown}."


UPLOADS_TEXTS = {
    "ru": UploadsTexts(),
    "en": UploadsTexts(
        heading="Files sent",
        hint="The state of each file. An accepted file is sent completely even if the page is closed. "
        "Scores are downloaded as CSV; unscored rows have an empty score.",
        empty="No files sent yet. Upload a CSV on the “Check” tab.",
        unavailable="The database is unavailable. The list will appear when it answers.",
        unavailable_since="The database is unavailable. Showing the last known list.",
        first_reading="Loading…",
        column_time="Started",
        column_file="File",
        column_analyst="Who",
        column_rows="Rows",
        column_refused="Rejected",
        column_sent="Sent",
        column_scored="Scored",
        column_state="State",
        column_download="Scores",
        states={
            UploadState.READING: "reading",
            UploadState.SENDING: "sending",
            UploadState.SENT: "sent",
            UploadState.CANCELLED: "cancelled",
            UploadState.INTERRUPTED: "interrupted",
            UploadState.REFUSED: "rejected",
            UploadState.KAFKA_UNAVAILABLE: "Kafka unavailable",
            UploadState.KAFKA_REJECTS: "rejected by Kafka",
        },
        scored_all="scored",
        scoring="waiting for scores",
        scored_unknown="sent; scores unknown: the database was unavailable",
        download="Download CSV",
        cancel="Cancel",
        no_login="no login",
        shown="Showing the latest {shown}.",
    ),
}
