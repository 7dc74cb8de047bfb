"""Texts of the first tab, in both languages; see ui/shell/texts.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.sender.report import Repair
from ui.shell.texts import Forms


@dataclass(frozen=True, slots=True)
class CheckTexts:
    """The upload and the results in one language."""

    upload_heading: str = "Загрузить транзакции"
    upload_hint: str = "CSV с колонками, как в шаблоне. Порядок колонок любой, лишние пропускаются."
    upload_limits: str = (
        "До {megabytes} МБ: .csv, .tsv или .txt, можно в .gz или в .zip с одним файлом; UTF-8 или cp1251."
    )
    file_label: str = "Файл CSV"
    drop_here: str = "Перетащите CSV сюда или нажмите, чтобы выбрать"
    template_link: str = "Скачать шаблон"
    sample_link: str = "Скачать пример"
    ids_heading: str = "Если номера из файла уже есть у других транзакций"
    ids_ask: str = "ничего не отправлять и сообщить"
    ids_own: str = "отправить эти строки под новыми номерами, сохранить и те, и другие"
    ids_overwrite: str = "заменить транзакции с этими номерами"
    send_button: str = "Отправить в Kafka"
    cancel_button: str = "Отменить"

    waiting: str = "Файл в очереди: впереди {uploads_counted}."
    reading: str = "Читаем и проверяем файл…"
    reading_rows: str = "Читаем и проверяем файл: {rows_counted}"
    sending: str = "Отправлено {sent} из {rows_counted}"
    sending_rate: str = "{rate_counted} в секунду"
    sent: str = "Готово: {sent_counted} в Kafka за {seconds} с, {rate_counted} в секунду."
    sent_none: str = "В файле нет ни одной строки, которую можно отправить."
    kafka_unavailable: str = (
        "Kafka не отвечает: отправлено {sent} из {rows_counted}. Отправьте тот же файл позже — повторов не будет."
    )
    kafka_rejects: str = (
        "Kafka отклонила транзакции: нет топика или доступа. "
        "Отправлено {sent} из {rows_counted}. Причина записана в журнал страницы; обратитесь к администратору."
    )
    read_tile: str = "прочитано"
    sent_tile: str = "отправлено"
    repaired_tile: str = "исправлений"
    refused_tile: str = "отклонено"
    repaired_heading: str = "Что исправлено"
    refused_heading: str = "Что отклонено"
    refused_first: str = "Показаны первые {shown} из {refused}."
    refused_line: str = "Строка файла"
    refused_field: str = "Поле"
    refused_reason: str = "Причина"
    refused_like_this: str = "таких {rows_counted}"
    unknown_heading: str = "Неизвестные значения"
    unknown_hint: str = "Они отправлены без изменений; модель не отличает их от других неизвестных."
    unknown_value: str = "{field} «{value}»: {rows_counted}, впервые в строке {line}"
    cancelled: str = (
        "Отменено: в Kafka {sent} из {rows_counted}, они будут оценены. "
        "Чтобы дослать остальные, отправьте тот же файл — повторов не будет."
    )
    cancelled_early: str = "Отменено, ничего не отправлено."
    may_close: str = "Страницу можно закрыть: файл отправится до конца. Ход отправки и отмена — на вкладке «Файлы»."
    too_many_files: str = "Сейчас отправляется слишком много файлов, этот не принят. Попробуйте через минуту."
    interrupted: str = "Прервано: в Kafka {sent} из {rows_counted}. Отправьте тот же файл ещё раз — повторов не будет."
    not_recorded: str = (
        "Отправку не удалось записать в базу: её может не быть в списке файлов. Отправленные транзакции не потеряются."
    )
    may_resend: str = (
        "Транзакция узнаётся по содержанию: если отправить тот же файл ещё раз, дополнив, исправив или переставив "
        "строки, добавятся только новые."
    )
    scores_link: str = "Скачать оценки этого файла"
    scored_so_far: str = "Оценено {scored} из {sent_counted}"
    scored_all: str = "Оценены все строки файла: {sent}."
    scored_slowly: str = (
        "Оценено {scored} из {sent_counted}, новых оценок пока нет. Остальные ждут в очереди: "
        "нажмите «Посмотреть результаты» позже."
    )
    scored_unknown: str = (
        "База недоступна: сколько строк оценено, пока неизвестно. Отправленные транзакции не потеряются."
    )

    results_heading: str = "Результаты"
    results_hint: str = (
        "Нажмите «Посмотреть результаты», чтобы увидеть последние подозрительные транзакции и распределение оценок."
    )
    view_button: str = "Посмотреть результаты"
    flagged_heading: str = "Последние подозрительные транзакции"
    totals: str = "Оценено {scored_counted}, с fraud_flag = 1 — {flagged} ({share})."
    about: str = "около {number}"
    refreshed: str = "Обновлено в {time}"
    model: str = "модель {version}, порог {threshold}"
    no_flagged: str = "Пока нет транзакций с fraud_flag = 1 — загрузите CSV."
    database_unavailable: str = "База недоступна. Нажмите «Посмотреть результаты» через минуту: оценки не потеряются."
    database_unavailable_since: str = "База недоступна. Показаны данные на {time}."
    column_earlier: str = "История"
    earlier_hint: str = "История — более ранние транзакции того же клиента: оценка учитывает их время, суммы и частоту."
    earlier_none: str = "первая транзакция"
    earlier_unknown: str = "неизвестно"

    chart_title: str = "Оценки последних {transactions_counted}"
    chart_threshold: str = "порог {threshold}"
    chart_x: str = "Оценка: 0 — обычная, 1 — мошенничество"
    chart_y: str = "Транзакций"
    chart_below: str = "ниже порога"
    chart_above: str = "подозрительные"
    chart_bin: str = "Оценка"

    row_forms: Forms = ("строка", "строки", "строк")
    upload_forms: Forms = ("файл", "файла", "файлов")
    of_row_forms: Forms = ("строки", "строк", "строк")
    of_sent_row_forms: Forms = ("отправленной строки", "отправленных строк", "отправленных строк")
    column_forms: Forms = ("колонка", "колонки", "колонок")

    repairs: Mapping[Repair, str] = field(
        default_factory=lambda: {
            Repair.UNPACKED: "Распаковано из архива",
            Repair.UTF16: "Прочитано в кодировке UTF-16",
            Repair.SEP_LINE: "Первая строка sep= пропущена",
            Repair.BOM: "Убрана метка BOM в начале файла",
            Repair.SEPARATOR_SEMICOLON: "Разделитель — точка с запятой",
            Repair.SEPARATOR_TAB: "Разделитель — табуляция",
            Repair.SEPARATOR_OTHER: "Разделитель — как указано в строке sep=",
            Repair.HEADER_NAMES: "Названия колонок приведены к принятым",
            Repair.COLUMNS_REORDERED: "Колонки расставлены по порядку",
            Repair.COLUMN_MISSING: "Нет необязательных колонок, отправлены пустыми",
            Repair.COLUMN_IGNORED: "Лишние колонки не отправлены",
            Repair.TARGET_DROPPED: "Колонка target не отправлена",
            Repair.ENCODING_CP1251: "Прочитано в кодировке Windows-1251",
            Repair.QUOTED_ROW: "Строка целиком в кавычках разобрана на поля",
            Repair.CELL_OF_SEVERAL_LINES: "Ячейка из нескольких строк собрана",
            Repair.EMPTY_ROW_SKIPPED: "Пустые строки пропущены",
            Repair.TRAILING_CELLS_DROPPED: "Пустые ячейки в конце строки отброшены",
            Repair.SPACES_TRIMMED: "Убраны пробелы по краям значений",
            Repair.MISSING_WORD: "Слова вместо пропуска (NA, NULL, nan, -) прочитаны как пустые",
            Repair.VALUE_SPELLING: "Значение записано так, как его знает модель",
            Repair.DECIMAL_COMMA: "Десятичная запятая заменена точкой",
            Repair.THOUSANDS_MARK: "Убран разделитель тысяч",
            Repair.WHOLE_NUMBER_WITH_POINT: "Целое число было записано с точкой",
            Repair.TIME_WITH_SECONDS: "Время с секундами принято",
            Repair.TIME_WITH_T: "Время в виде ISO 8601 (с буквой T) принято",
            Repair.TIME_ZONE_DROPPED: "Часовой пояс отброшен, время оставлено как записано",
            Repair.TIME_FRACTION_DROPPED: "Доли секунды отброшены",
            Repair.TIME_DAY_FIRST: "Дата, начинающаяся с дня (01.03.2020), принята",
            Repair.TIME_OTHER_FORM: "Время в другом однозначном виде принято",
            Repair.ID_REPLACED: "Недопустимый номер транзакции заменён постоянным номером строки",
        }
    )


CHECK_TEXTS = {
    "ru": CheckTexts(),
    "en": CheckTexts(
        upload_heading="Upload transactions",
        upload_hint="CSV with the template's columns, in any order; extra columns are ignored.",
        upload_limits="Up to {megabytes} MB: .csv, .tsv or .txt, also as .gz or a .zip of one file; UTF-8 or cp1251.",
        file_label="CSV file",
        drop_here="Drop a CSV here, or click to choose one",
        template_link="Download template",
        sample_link="Download sample",
        ids_heading="If ids in the file already belong to other transactions",
        ids_ask="send nothing and report them",
        ids_own="send these rows under new ids and keep both",
        ids_overwrite="replace the transactions with these ids",
        send_button="Send to Kafka",
        cancel_button="Cancel",
        waiting="In the queue: {uploads_counted} ahead.",
        reading="Reading and checking the file…",
        reading_rows="Reading and checking the file: {rows_counted}",
        sending="Sent {sent} of {rows_counted}",
        sending_rate="{rate_counted} per second",
        sent="Done: {sent_counted} in Kafka in {seconds} s, {rate_counted} per second.",
        sent_none="No row of the file can be sent.",
        kafka_unavailable="Kafka does not answer: {sent} of {rows_counted} were sent. "
        "Send the same file again later: no duplicates will be created.",
        kafka_rejects="Kafka rejected the transactions: the topic is missing or access is denied. "
        "{sent} of {rows_counted} were sent. The cause is in the page's log; ask an administrator.",
        read_tile="read",
        sent_tile="sent",
        repaired_tile="repairs",
        refused_tile="rejected",
        repaired_heading="Repairs",
        refused_heading="Rejected rows",
        refused_first="The first {shown} of {refused} are shown.",
        refused_line="Line of the file",
        refused_field="Field",
        refused_reason="Reason",
        refused_like_this="{rows_counted} like this",
        unknown_heading="Unknown values",
        unknown_hint="They were sent unchanged; the model cannot tell one unknown value from another.",
        unknown_value="{field} “{value}”: {rows_counted}, first in line {line}",
        cancelled="Cancelled: {sent} of {rows_counted} are in Kafka and will be scored. "
        "To send the rest, send the same file again: no duplicates will be created.",
        cancelled_early="Cancelled. Nothing was sent.",
        may_close="You can close the page: the whole file will be sent. Watch or cancel it on the “Files” tab.",
        too_many_files="Too many files are being sent. This one was not accepted; try again in a minute.",
        interrupted="Interrupted: {sent} of {rows_counted} are in Kafka. "
        "Send the same file again: no duplicates will be created.",
        not_recorded="The upload could not be recorded in the database: it may be missing from the list of files. "
        "The transactions sent are not lost.",
        may_resend="A transaction is identified by its content: sending the same file again, extended, corrected or "
        "reordered, adds only what is new.",
        scores_link="Download the scores of this file",
        scored_so_far="Scored {scored} of {sent_counted}",
        scored_all="All rows of the file have been scored: {sent}.",
        scored_slowly="Scored {scored} of {sent_counted}, with no new scores for a while. The rest are in the queue: "
        "press “View results” later.",
        scored_unknown="The database is unavailable: the number of scored rows is not known yet. "
        "The transactions sent are not lost.",
        results_heading="Results",
        results_hint="Press “View results” to see the latest flagged transactions and the distribution of scores.",
        view_button="View results",
        flagged_heading="Latest flagged transactions",
        totals="{scored_counted} scored, {flagged} with fraud_flag = 1 ({share}).",
        about="about {number}",
        refreshed="Refreshed at {time}",
        model="model {version}, threshold {threshold}",
        no_flagged="No transactions with fraud_flag = 1 yet: upload a CSV.",
        database_unavailable="The database is unavailable. Press “View results” in a minute: no scores are lost.",
        database_unavailable_since="The database is unavailable. Showing data of {time}.",
        column_earlier="History",
        earlier_hint="History: the customer's earlier transactions. The score uses their times, amounts and frequency.",
        earlier_none="first transaction",
        earlier_unknown="unknown",
        chart_title="Scores of the latest {transactions_counted}",
        chart_threshold="threshold {threshold}",
        chart_x="Score: 0 is normal, 1 is fraud",
        chart_y="Transactions",
        chart_below="below the threshold",
        chart_above="flagged",
        chart_bin="Score",
        upload_forms=("file", "files", "files"),
        row_forms=("row", "rows", "rows"),
        of_row_forms=("row", "rows", "rows"),
        of_sent_row_forms=("sent row", "sent rows", "sent rows"),
        column_forms=("column", "columns", "columns"),
        repairs={
            Repair.UNPACKED: "Unpacked from an archive",
            Repair.UTF16: "Read as UTF-16",
            Repair.SEP_LINE: "First line (sep=) skipped",
            Repair.BOM: "Byte order mark at the start of the file removed",
            Repair.SEPARATOR_SEMICOLON: "Columns separated by semicolons",
            Repair.SEPARATOR_TAB: "Columns separated by tabs",
            Repair.SEPARATOR_OTHER: "Columns separated as the sep= line says",
            Repair.HEADER_NAMES: "Column names normalised",
            Repair.COLUMNS_REORDERED: "Columns put in order",
            Repair.COLUMN_MISSING: "Optional columns missing, sent as empty",
            Repair.COLUMN_IGNORED: "Extra columns not sent",
            Repair.TARGET_DROPPED: "Column target not sent",
            Repair.ENCODING_CP1251: "Read as Windows-1251",
            Repair.QUOTED_ROW: "Row quoted as a whole split into fields",
            Repair.CELL_OF_SEVERAL_LINES: "Multi-line cell joined",
            Repair.EMPTY_ROW_SKIPPED: "Empty rows skipped",
            Repair.TRAILING_CELLS_DROPPED: "Empty cells at the end of the row dropped",
            Repair.SPACES_TRIMMED: "Spaces around values trimmed",
            Repair.MISSING_WORD: "Words for “missing” (NA, NULL, nan, -) read as empty",
            Repair.VALUE_SPELLING: "Value normalised to the model's spelling",
            Repair.DECIMAL_COMMA: "Decimal comma replaced by a point",
            Repair.THOUSANDS_MARK: "Thousands separator removed",
            Repair.WHOLE_NUMBER_WITH_POINT: "Whole number was written with a point",
            Repair.TIME_WITH_SECONDS: "Time with seconds accepted",
            Repair.TIME_WITH_T: "Time in ISO 8601 form (with a T) accepted",
            Repair.TIME_ZONE_DROPPED: "Time zone dropped, local time left as written",
            Repair.TIME_FRACTION_DROPPED: "Fraction of a second dropped",
            Repair.TIME_DAY_FIRST: "Date with the day first (01.03.2020) accepted",
            Repair.TIME_OTHER_FORM: "Time in another unambiguous form accepted",
            Repair.ID_REPLACED: "Unusable transaction id replaced by the row's permanent id",
        },
    ),
}
