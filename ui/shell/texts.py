"""Texts of the page that its sections share, in both languages.

Each subject of the page has one such class: the defaults of its fields are the Russian texts, and the English ones are
an instance that gives each field a value of its own, unless it is the same in both languages. test_texts.py finds all
of them. Braces name what is filled in: `{rows}` is a number already written in the reader's language, `{rows_counted}`
a number with its noun.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.sender.report import FileFault, Repair, RowFault
from ui.shell.formats import ENGLISH_NUMBERS, RUSSIAN_NUMBERS, Numbers

Forms = tuple[str, str, str]
"""A noun beside 1, 2 and 5: («строка», «строки», «строк»)."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The page in one language; the defaults are Russian."""

    language: str = "ru"
    path: str = ""
    numbers: Numbers = RUSSIAN_NUMBERS
    other_language: str = "English"
    other_language_path: str = "en"

    title: str = "Проверка транзакций на мошенничество"
    lead: str = "Каждая транзакция по карте получает оценку от 0 до 1; подозрительные попадают в список и на разбор."

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
    kafka_away: str = (
        "Kafka не отвечает: отправлено {sent} из {rows_counted}. Отправьте тот же файл позже — повторов не будет."
    )
    kafka_refuses: str = (
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
    refused_alike: str = "таких {rows_counted}"
    unknown_heading: str = "Неизвестные значения"
    unknown_hint: str = "Они отправлены без изменений; неизвестную категорию модель считает «другой»."
    unknown_value: str = "{field} «{value}»: {rows_counted}, впервые в строке {line}"
    cancelled: str = (
        "Отменено: в Kafka {sent} из {rows_counted}, они будут оценены. "
        "Чтобы дослать остальные, отправьте тот же файл — повторов не будет."
    )
    cancelled_early: str = "Отменено, ничего не отправлено."
    goes_on: str = "Страницу можно закрыть: файл отправится до конца. Ход отправки и отмена — на вкладке «Файлы»."
    too_many_files: str = "Сейчас отправляется слишком много файлов, этот не принят. Попробуйте через минуту."
    interrupted: str = "Прервано: в Kafka {sent} из {rows_counted}. Отправьте тот же файл ещё раз — повторов не будет."
    not_recorded: str = (
        "Отправку не удалось записать в базу: её может не быть в списке файлов. Отправленные транзакции не потеряются."
    )
    twice: str = (
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
    unexpected_title: str = "Ошибка"
    unexpected: str = "Не получилось. Попробуйте ещё раз; причина записана в журнал страницы."
    database_failed: str = (
        "База ответила ошибкой ({code}). Причина записана в журнал страницы; обратитесь к администратору."
    )
    reading_failed: str = (
        "Данные не читаются из-за ошибки. Причина записана в журнал страницы; обратитесь к администратору."
    )
    reading_failed_since: str = (
        "Новые данные не читаются из-за ошибки, показаны прежние. Причина записана в журнал страницы; "
        "обратитесь к администратору."
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
    database_away: str = "База недоступна. Нажмите «Посмотреть результаты» через минуту: оценки не потеряются."
    database_away_since: str = "База недоступна. Показаны данные на {time}."
    column_time: str = "Время"
    column_amount: str = "Сумма"
    column_category: str = "Категория"
    column_merchant: str = "Магазин"
    column_state: str = "Штат"
    column_score: str = "Оценка"
    column_earlier: str = "История"
    column_id: str = "Номер транзакции"
    earlier_hint: str = "История — более ранние транзакции того же клиента: оценка учитывает их время, суммы и частоту."
    earlier_none: str = "первая транзакция"
    earlier_unknown: str = "неизвестно"

    chart_title: str = "Оценки последних {transactions_counted}"
    chart_threshold: str = "порог {threshold}"
    chart_x: str = "Оценка: 0 — обычная транзакция, 1 — мошенничество"
    chart_y: str = "Транзакций"
    chart_below: str = "ниже порога"
    chart_above: str = "подозрительные"
    chart_bin: str = "Оценка"

    row_forms: Forms = ("строка", "строки", "строк")
    upload_forms: Forms = ("файл", "файла", "файлов")
    of_row_forms: Forms = ("строки", "строк", "строк")
    of_sent_row_forms: Forms = ("отправленной строки", "отправленных строк", "отправленных строк")
    column_forms: Forms = ("колонка", "колонки", "колонок")
    transaction_forms: Forms = ("транзакция", "транзакции", "транзакций")
    payment_forms: Forms = ("транзакция", "транзакции", "транзакций")
    last_transaction_forms: Forms = ("транзакции", "транзакций", "транзакций")

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
            Repair.CATEGORY_SPELLING: "Категория записана так, как её знает модель",
            Repair.GENDER_SPELLING: "Пол записан как F или M",
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
    row_refusals: Mapping[RowFault, str] = field(
        default_factory=lambda: {
            RowFault.BAD_ENCODING: "Символы не читаются ни в UTF-8, ни в Windows-1251",
            RowFault.BAD_QUOTES: "Кавычка не закрыта или стоит не на месте",
            RowFault.SHORT_ROW: "Полей меньше, чем колонок",
            RowFault.LONG_ROW: "Полей больше, чем колонок",
            RowFault.TOO_LARGE: "Слишком длинная строка",
            RowFault.EMPTY_CELL: "Пустое обязательное поле",
            RowFault.BAD_TIME: "Не похоже на время вида 2020-06-21 12:14",
            RowFault.AMBIGUOUS_TIME: "Неясно, где день, а где месяц. Пишите год, месяц, день: 2020-06-21 12:14",
            RowFault.BAD_NUMBER: "Не число",
            RowFault.AMBIGUOUS_NUMBER: "Неясно, дробь это или тысячи. Пишите без разделителя тысяч, с точкой: 1045.50",
            RowFault.OUT_OF_RANGE: "Число вне допустимых границ",
        }
    )
    file_refusals: Mapping[FileFault, str] = field(
        default_factory=lambda: {
            FileFault.UNREADABLE: "Файл не удалось прочитать. Выберите его ещё раз.",
            FileFault.EMPTY: "Файл пуст.",
            FileFault.SPREADSHEET: "Это книга Excel, а не CSV. Сохраните её как «CSV UTF-8» и загрузите снова.",
            FileFault.ARCHIVE: "Архив не подходит: в нём должен быть ровно один файл CSV, без пароля.",
            FileFault.NOT_TEXT: "Это не текстовый файл CSV.",
            FileFault.UTF16: "Файл в кодировке UTF-16. Сохраните его как «CSV UTF-8» и загрузите снова.",
            FileFault.SCORES: "Это файл с оценками, скачанный с этой страницы. Загрузите транзакции.",
            FileFault.NO_HEADER: "В первой строке нет названий колонок. Возьмите их из шаблона.",
            FileFault.MISSING_COLUMNS: "Нет обязательных колонок: {names}. Сверьтесь с шаблоном.",
            FileFault.DUPLICATE_COLUMNS: "Колонки повторяются: {names}. Оставьте по одной.",
            FileFault.NO_ROWS: "В файле есть заголовок, но нет ни одной транзакции.",
            FileFault.TOO_MANY_ROWS: "В файле слишком много строк. Разделите его на части.",
            FileFault.IDS_TAKEN: "Номера из файла уже есть у других транзакций: {names}. Ничего не отправлено. "
            "Выберите, что с ними делать.",
            FileFault.IDS_UNCHECKED: "База недоступна, номера из файла не с чем сравнить. Ничего не отправлено. "
            "Попробуйте позже.",
            FileFault.AMBIGUOUS_TIME: "Неясно, где в датах день, а где месяц, например: {names}. "
            "Запишите время в виде 2020-06-21 12:14 и загрузите файл снова.",
            FileFault.AMBIGUOUS_NUMBER: "Неясно, дроби это или тысячи, например: {names}. "
            "Запишите числа без разделителя тысяч, с десятичной точкой, и загрузите файл снова.",
        }
    )


RUSSIAN = Texts()

ENGLISH = Texts(
    language="en",
    path="en",
    numbers=ENGLISH_NUMBERS,
    other_language="Русский",
    other_language_path="./",
    title="Card transaction fraud check",
    lead="Each card transaction gets a score from 0 to 1; flagged ones are listed and queued for review.",
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
    kafka_away="Kafka does not answer: {sent} of {rows_counted} were sent. "
    "Send the same file again later: no duplicates will be created.",
    kafka_refuses="Kafka rejected the transactions: the topic is missing or access is denied. "
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
    refused_alike="{rows_counted} like this",
    unknown_heading="Unknown values",
    unknown_hint="They were sent unchanged; the model treats an unknown category as “other”.",
    unknown_value="{field} “{value}”: {rows_counted}, first in line {line}",
    cancelled="Cancelled: {sent} of {rows_counted} are in Kafka and will be scored. "
    "To send the rest, send the same file again: no duplicates will be created.",
    cancelled_early="Cancelled. Nothing was sent.",
    goes_on="You can close the page: the whole file will be sent. Watch or cancel it on the “Files” tab.",
    too_many_files="Too many files are being sent. This one was not accepted; try again in a minute.",
    interrupted="Interrupted: {sent} of {rows_counted} are in Kafka. "
    "Send the same file again: no duplicates will be created.",
    not_recorded="The upload could not be recorded in the database: it may be missing from the list of files. "
    "The transactions sent are not lost.",
    twice="A transaction is identified by its content: sending the same file again, extended, corrected or reordered, "
    "adds only what is new.",
    scores_link="Download the scores of this file",
    scored_so_far="Scored {scored} of {sent_counted}",
    scored_all="All rows of the file have been scored: {sent}.",
    scored_slowly="Scored {scored} of {sent_counted}, with no new scores for a while. The rest are in the queue: "
    "press “View results” later.",
    scored_unknown="The database is unavailable: the number of scored rows is not known yet. "
    "The transactions sent are not lost.",
    unexpected_title="Error",
    unexpected="Something went wrong. Try again; the cause is in the page's log.",
    database_failed="The database returned an error ({code}). The cause is in the page's log; ask an administrator.",
    reading_failed="The data cannot be read because of an error. The cause is in the page's log; ask an administrator.",
    reading_failed_since="New data cannot be read because of an error. Showing earlier data. "
    "The cause is in the page's log; ask an administrator.",
    results_heading="Results",
    results_hint="Press “View results” to see the latest flagged transactions and the distribution of scores.",
    view_button="View results",
    flagged_heading="Latest flagged transactions",
    totals="{scored_counted} scored, {flagged} with fraud_flag = 1 ({share}).",
    about="about {number}",
    refreshed="Refreshed at {time}",
    model="model {version}, threshold {threshold}",
    no_flagged="No transactions with fraud_flag = 1 yet: upload a CSV.",
    database_away="The database is unavailable. Press “View results” in a minute: no scores are lost.",
    database_away_since="The database is unavailable. Showing data of {time}.",
    column_time="Time",
    column_amount="Amount",
    column_category="Category",
    column_merchant="Merchant",
    column_state="State",
    column_score="Score",
    column_earlier="History",
    column_id="Transaction ID",
    earlier_hint="History: the customer's earlier transactions. The score uses their times, amounts and frequency.",
    earlier_none="first transaction",
    earlier_unknown="unknown",
    chart_title="Scores of the latest {transactions_counted}",
    chart_threshold="threshold {threshold}",
    chart_x="Score: 0 is a normal transaction, 1 is fraud",
    chart_y="Transactions",
    chart_below="below the threshold",
    chart_above="flagged",
    chart_bin="Score",
    upload_forms=("file", "files", "files"),
    row_forms=("row", "rows", "rows"),
    of_row_forms=("row", "rows", "rows"),
    of_sent_row_forms=("sent row", "sent rows", "sent rows"),
    column_forms=("column", "columns", "columns"),
    transaction_forms=("transaction", "transactions", "transactions"),
    payment_forms=("transaction", "transactions", "transactions"),
    last_transaction_forms=("transaction", "transactions", "transactions"),
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
        Repair.CATEGORY_SPELLING: "Category normalised to the model's spelling",
        Repair.GENDER_SPELLING: "Gender normalised to F or M",
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
    row_refusals={
        RowFault.BAD_ENCODING: "Characters are neither UTF-8 nor Windows-1251",
        RowFault.BAD_QUOTES: "A quote is not closed or is in the wrong place",
        RowFault.SHORT_ROW: "Fewer fields than columns",
        RowFault.LONG_ROW: "More fields than columns",
        RowFault.TOO_LARGE: "The row is too long",
        RowFault.EMPTY_CELL: "A required field is empty",
        RowFault.BAD_TIME: "Not a time like 2020-06-21 12:14",
        RowFault.AMBIGUOUS_TIME: "Day or month first? Write year, month, day: 2020-06-21 12:14",
        RowFault.BAD_NUMBER: "Not a number",
        RowFault.AMBIGUOUS_NUMBER: "Decimals or thousands? Write no thousands separators and a decimal point: 1045.50",
        RowFault.OUT_OF_RANGE: "The number is out of range",
    },
    file_refusals={
        FileFault.UNREADABLE: "The file could not be read. Choose it again.",
        FileFault.EMPTY: "The file is empty.",
        FileFault.SPREADSHEET: "This is an Excel workbook, not CSV. Save it as “CSV UTF-8” and upload again.",
        FileFault.ARCHIVE: "The archive must hold exactly one CSV file, without a password.",
        FileFault.NOT_TEXT: "This is not a CSV text file.",
        FileFault.UTF16: "The file is UTF-16. Save it as “CSV UTF-8” and upload again.",
        FileFault.SCORES: "This is a file of scores downloaded from this page. Upload transactions.",
        FileFault.NO_HEADER: "The first line has no column names. Take them from the template.",
        FileFault.MISSING_COLUMNS: "Required columns are missing: {names}. Compare with the template.",
        FileFault.DUPLICATE_COLUMNS: "Duplicate columns: {names}. Keep one of each.",
        FileFault.NO_ROWS: "The file has a header but no transactions.",
        FileFault.TOO_MANY_ROWS: "The file has too many rows. Split it.",
        FileFault.IDS_TAKEN: "Ids in the file already belong to other transactions: {names}. Nothing was sent. "
        "Choose what to do with them.",
        FileFault.IDS_UNCHECKED: "The database is unavailable, so the ids in the file could not be checked. "
        "Nothing was sent. Try again later.",
        FileFault.AMBIGUOUS_TIME: "Dates can be read day first or month first, for example {names}. "
        "Write times as 2020-06-21 12:14 and upload again.",
        FileFault.AMBIGUOUS_NUMBER: "Numbers can be read with decimals or with thousands, for example {names}. "
        "Write them without thousands separators and with a decimal point, and upload again.",
    },
)
