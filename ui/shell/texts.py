"""Texts of the page that its sections share, in both languages.

Each subject of the page has one such class: the defaults of its fields are the Russian texts, and the English ones are
an instance that gives each field a value of its own, unless it is the same in both languages. test_texts.py finds all
of them. Braces name what is filled in: `{rows}` is a number already written in the reader's language, `{rows_counted}`
a number with its noun.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.common.contract.model import FieldSpec
from services.sender.report import FileFault, RowFault
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
    lead: str = "Каждая транзакция получает оценку от 0 до 1; подозрительные попадают в список и на разбор."

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

    columns: Mapping[str, str] = field(
        default_factory=lambda: {
            "time": "Время",
            "amount": "Сумма",
            "category": "Категория",
            "merchant": "Магазин",
            "state": "Штат",
            "city": "Город",
            "customer": "Клиент",
        }
    )
    """By role; only those that the contract has, see roles.py."""
    personal: frozenset[str] = frozenset()
    """Roles whose values are masked."""
    key: tuple[FieldSpec, ...] = ()
    """The fields that a customer is named by."""

    logarithmic: str = "логарифмическая шкала"
    column_scored: str = "Оценена"
    column_score: str = "Оценка"
    column_id: str = "Номер транзакции"

    transaction_forms: Forms = ("транзакция", "транзакции", "транзакций")
    last_transaction_forms: Forms = ("транзакции", "транзакций", "транзакций")

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

    @property
    def has_personal(self) -> bool:
        """Whether anything is masked."""
        return bool(self.personal) or any(spec.personal for spec in self.key)


RUSSIAN = Texts()

ENGLISH = Texts(
    language="en",
    path="en",
    numbers=ENGLISH_NUMBERS,
    other_language="Русский",
    other_language_path="./",
    title="Transaction fraud check",
    lead="Each transaction gets a score from 0 to 1; flagged ones are listed and queued for review.",
    unexpected_title="Error",
    unexpected="Something went wrong. Try again; the cause is in the page's log.",
    database_failed="The database returned an error ({code}). The cause is in the page's log; ask an administrator.",
    reading_failed="The data cannot be read because of an error. The cause is in the page's log; ask an administrator.",
    reading_failed_since="New data cannot be read because of an error. Showing earlier data. "
    "The cause is in the page's log; ask an administrator.",
    columns={
        "time": "Time",
        "amount": "Amount",
        "category": "Category",
        "merchant": "Merchant",
        "state": "State",
        "city": "City",
        "customer": "Customer",
    },
    logarithmic="logarithmic scale",
    column_scored="Scored",
    column_score="Score",
    column_id="Transaction ID",
    transaction_forms=("transaction", "transactions", "transactions"),
    last_transaction_forms=("transaction", "transactions", "transactions"),
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
