"""The words of the upload history, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass

from ui.files.journal import UploadState


@dataclass(frozen=True, slots=True)
class UploadsTexts:
    """The history of uploads in one language."""

    heading: str
    hint: str
    empty: str
    away: str
    away_since: str
    first_reading: str
    column_time: str
    column_file: str
    column_analyst: str
    column_rows: str
    column_refused: str
    column_sent: str
    column_scored: str
    column_state: str
    column_download: str
    states: Mapping[UploadState, str]
    scored_all: str
    scoring: str
    scored_unknown: str
    download: str
    cancel: str
    no_login: str
    unknown: str
    shown: str


UPLOADS_TEXTS = {
    "ru": UploadsTexts(
        heading="Отправленные файлы",
        hint="Что стало с каждым файлом. Принятый файл отправляется до конца, даже если закрыть страницу. "
        "Оценки скачиваются как CSV; строки без оценки в нём пусты.",
        empty="Файлов ещё не отправляли. Загрузите CSV на вкладке «Проверка».",
        away="База недоступна. Список появится, как только она ответит.",
        away_since="База недоступна: показан последний известный список.",
        first_reading="Читаем базу…",
        column_time="Начат",
        column_file="Файл",
        column_analyst="Кто",
        column_rows="Строк",
        column_refused="Отклонено",
        column_sent="Отправлено",
        column_scored="Оценено",
        column_state="Состояние",
        column_download="Оценки",
        states={
            UploadState.READING: "читается",
            UploadState.SENDING: "отправляется",
            UploadState.SENT: "отправлен",
            UploadState.CANCELLED: "отменён",
            UploadState.INTERRUPTED: "прерван",
            UploadState.REFUSED: "отклонён",
            UploadState.KAFKA_AWAY: "Kafka не отвечала",
            UploadState.KAFKA_REFUSES: "Kafka не приняла",
        },
        scored_all="оценён",
        scoring="ждёт оценок",
        scored_unknown="отправлен; оценки не прослежены: база была недоступна",
        download="Скачать CSV",
        cancel="Отменить",
        no_login="без входа",
        unknown="—",
        shown="Показаны последние {shown}.",
    ),
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
        unknown="—",
        shown="The latest {shown} are shown.",
    ),
}
