"""What the sender makes of the CSV files people really have: repaired, or refused by line, never lost in silence."""

import csv
import gzip
import io
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.common.contract.key import record_key
from services.scorer.decode import Decoder
from services.sender.csvfile import prepare
from services.sender.report import FileFault, FileRefused, FileReport, Repair, RowFault
from tests.support.other_contracts import SHIPPED

Made = tuple[FileReport, list[dict[str, Any]]]

FIELDS = tuple(SHIPPED.fields)
HEADER = ",".join(FIELDS)
ADA = '2019-09-14 02:46,"fraud_Stokes, Christiansen and Sipes",grocery_net,25.79,Ada,Example,F,1 Test Lane,Nowhere,TX,76443,32.1482,-99.1872,1897,"Engineer, civil",31.772057,-99.103183'  # noqa: E501  # fmt: skip
BOB = "2019-07-25 20:30,fraud_Thompson-Gleason,home,87.8,Bob,Sample,M,2 Test Lane,Falconer,NY,14733,42.1239,-79.1895,3833,Metallurgist,42.635312,-78.334559"  # noqa: E501
EVE = BOB.replace("Bob", "Eve").replace("07-25", "07-24")

ADA_DATA = {
    "transaction_time": "2019-09-14 02:46", "merch": "fraud_Stokes, Christiansen and Sipes", "cat_id": "grocery_net",
    "amount": 25.79, "name_1": "Ada", "name_2": "Example", "gender": "F", "street": "1 Test Lane",
    "one_city": "Nowhere", "us_state": "TX", "post_code": 76443, "lat": 32.1482, "lon": -99.1872,
    "population_city": 1897, "jobs": "Engineer, civil", "merchant_lat": 31.772057, "merchant_lon": -99.103183,
}  # fmt: skip


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the sender's temporary files within the test's folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Made]:
    """Prepare a file of these bytes or lines; return the report and the messages."""

    def make_file(content: bytes | Iterable[str]) -> Made:
        path = tmp_path / "transactions.csv"
        path.write_bytes(content if isinstance(content, bytes) else text(content))
        return read(path)

    return make_file


def text(lines: Iterable[str], end: str = "\n") -> bytes:
    return "".join(line + end for line in lines).encode()


def read(path: Path) -> Made:
    with prepare(path, contract=SHIPPED) as prepared:
        messages = []
        for key, value in prepared:
            message = orjson.loads(value)
            assert key == record_key(message["data"], SHIPPED)
            messages.append(message)
        assert len(prepared) == len(messages) == prepared.report.ready
        return prepared.report, messages


def with_cells(line: str, **changes: str) -> str:
    """Return a line with some cells changed, quoted where CSV asks for it."""
    cells = dict(zip(FIELDS, next(csv.reader([line])), strict=True)) | changes
    return joined(cells.values())


def joined(cells: Iterable[str], separator: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\n").writerow(cells)
    return out.getvalue().removesuffix("\n")


def columns(lines: Iterable[str], order: Iterable[int], separator: str = ",") -> list[str]:
    """Return the lines with their columns in another order or number."""
    places = list(order)
    return [joined([row[place] for place in places], separator) for row in csv.reader(lines)]


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a zip archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def quoted(line: str) -> str:
    """Return a row as a spreadsheet saves it that has read it as one cell."""
    return '"' + line.replace('"', '""') + '"'


def test_a_clean_file_is_sent_as_it_stands(make: Callable[..., Made]) -> None:
    """Commas in quoted cells, numbers and texts arrive as written, in order of event time, with nothing to report."""
    report, (bob, ada) = make([HEADER, ADA, BOB])
    assert ada["data"] == ADA_DATA
    assert bob["data"]["name_1"] == "Bob"
    assert list(ada) == ["transaction_id", "data"]
    assert tuple(ada["data"]) == FIELDS
    assert (report.rows, report.ready, report.refused_total, dict(report.repaired)) == (2, 2, 0, {})
    assert (report.encoding, report.separator) == ("utf-8", ",")


REPAIRED = {
    "a byte order mark": (b"\xef\xbb\xbf" + text([HEADER, ADA]), {Repair.BOM: 1}),
    "CRLF line ends": (text([HEADER, ADA], "\r\n"), {}),
    "lone CR line ends": (text([HEADER, ADA], "\r"), {}),
    "no end of the last line": (text([HEADER, ADA])[:-1], {}),
    "no end of the last line of CRLF": (text([HEADER, ADA], "\r\n")[:-2], {}),
    "blank lines": (text(["", HEADER, "", ADA, "", ""]), {}),
    "semicolons": (text(columns([HEADER, ADA], range(17), ";")), {Repair.SEPARATOR_SEMICOLON: 1}),
    "tabs": (text(columns([HEADER, ADA], range(17), "\t")), {Repair.SEPARATOR_TAB: 1}),
    "semicolons and decimal commas": (
        text([HEADER.replace(",", ";"), joined([c.replace(".", ",") if c[-1].isdigit() else c for c in next(csv.reader([ADA]))], ";")]),  # noqa: E501
        {Repair.SEPARATOR_SEMICOLON: 1, Repair.DECIMAL_COMMA: 1},
    ),
    "rows quoted as one cell": (text([HEADER, quoted(ADA)]), {Repair.QUOTED_ROW: 1}),
    "header and rows quoted as one cell": (text([quoted(HEADER), quoted(ADA)]), {Repair.QUOTED_ROW: 1}),
    "every cell quoted": (text([f'"{name}"' for name in [HEADER.replace(",", '","')]] + [ADA]), {}),
    "reordered columns": (text(columns([HEADER, ADA], reversed(range(17)))), {Repair.COLUMNS_REORDERED: 1}),
    "the target": (text([f"{HEADER},target", f"{ADA},1"]), {Repair.TARGET_DROPPED: 1}),
    "additional columns": (text([f",{HEADER},note", f"0,{ADA},x"]), {Repair.COLUMN_IGNORED: 2}),
    "a header in capitals": (text([HEADER.upper(), ADA]), {Repair.HEADER_NAMES: 1}),
    "a header with spaces": (text([HEADER.replace(",", " , ").replace("cat_id", "Cat ID"), ADA]), {Repair.HEADER_NAMES: 1}),  # noqa: E501
    "spaces after separators": (text([HEADER, '2019-09-14 02:46, "fraud_Stokes, Christiansen and Sipes"' + ADA[55:]]), {}),  # noqa: E501
    "spaces around a cell": (text([HEADER, with_cells(ADA, cat_id="grocery_net ")]), {Repair.SPACES_TRIMMED: 1}),
    "a T in the time": (text([HEADER, ADA.replace("14 02", "14T02")]), {Repair.TIME_WITH_T: 1}),
    "empty cells at the end of a row": (text([HEADER, f"{ADA},,"]), {Repair.TRAILING_CELLS_DROPPED: 1}),
    "rows of empty cells": (text([HEADER, ADA, "," * 16, ",,"]), {Repair.EMPTY_ROW_SKIPPED: 2}),
    "whole numbers with a point": (text([HEADER, with_cells(ADA, post_code="76443.0")]), {Repair.WHOLE_NUMBER_WITH_POINT: 1}),  # noqa: E501
    "a time zone and a T": (text([HEADER, ADA.replace("14 02:46", "14T02:46Z")]), {Repair.TIME_WITH_T: 1, Repair.TIME_ZONE_DROPPED: 1}),  # noqa: E501
    "a date as Russian spreadsheets write it": (text([HEADER, ADA.replace("2019-09-14 02", "14.09.2019 2")]), {Repair.TIME_DAY_FIRST: 1}),  # noqa: E501
    "a decimal comma between commas": (text([HEADER, with_cells(ADA, amount="25,79")]), {Repair.DECIMAL_COMMA: 1}),
    "thousands": (text([HEADER, with_cells(ADA, post_code="76,443", population_city="1 897")]), {Repair.THOUSANDS_MARK: 1}),  # noqa: E501
    "another spelling of the category": (text([HEADER, with_cells(ADA, cat_id="Grocery Net")]), {Repair.VALUE_SPELLING: 1}),  # noqa: E501
    "another spelling of the gender": (text([HEADER, with_cells(ADA, gender="female")]), {Repair.VALUE_SPELLING: 1}),
    "a line for Excel": (text(["sep=;", *columns([HEADER, ADA], range(17), ";")]), {Repair.SEP_LINE: 1, Repair.SEPARATOR_SEMICOLON: 1}),  # noqa: E501
    "a line for Excel in quotes": (text(['"sep=,"', HEADER, ADA]), {Repair.SEP_LINE: 1}),
    "a separator of its own": (text(["sep=|", *columns([HEADER, ADA], range(17), "|")]), {Repair.SEP_LINE: 1, Repair.SEPARATOR_OTHER: 1}),  # noqa: E501
    "UTF-16, as Excel's Unicode text": (text(columns([HEADER, ADA], range(17), "\t")).decode().encode("utf-16"), {Repair.UTF16: 1, Repair.SEPARATOR_TAB: 1}),  # noqa: E501
    "gzip": (gzip.compress(text([HEADER, ADA])), {Repair.UNPACKED: 1}),
    "a zip archive": (zipped({"transactions.csv": text([HEADER, ADA]), "__MACOSX/._transactions.csv": b"x", "readme.md": b"x"}), {Repair.UNPACKED: 1}),  # noqa: E501
    "a leading zero and a plus": (text([HEADER, with_cells(ADA, post_code="076443", lat="+32.1482")]), {}),
}  # fmt: skip


@pytest.mark.parametrize(("content", "repaired"), REPAIRED.values(), ids=REPAIRED.keys())
def test_what_can_be_repaired_arrives_as_from_a_clean_file(
    make: Callable[..., Made], content: bytes, repaired: dict[Repair, int]
) -> None:
    """The transaction is that of the clean file, and the report counts exactly the repairs that were made."""
    report, messages = make(content)
    assert [message["data"] for message in messages] == [ADA_DATA]
    assert dict(report.repaired) == repaired
    assert report.refused_total == 0


def test_seconds_in_the_time_are_kept_and_order_the_rows(make: Callable[..., Made]) -> None:
    """A time with seconds is sent with them, and comes after the bare minute."""
    report, messages = make([HEADER, ADA.replace("02:46", "02:46:30"), ADA.replace("02:46", "02:46:07"), ADA])
    times = [message["data"]["transaction_time"] for message in messages]
    assert times == ["2019-09-14 02:46", "2019-09-14 02:46:07", "2019-09-14 02:46:30"]
    assert report.repaired == {Repair.TIME_WITH_SECONDS: 2}


def test_cp1251_lines_are_read_as_such(make: Callable[..., Made]) -> None:
    """Cyrillic saved by Windows arrives readable; UTF-8 lines of the same file do too."""
    city = with_cells(ADA, one_city="Москва")
    report, messages = make(text([HEADER]) + f"{city}\n".encode("cp1251") + f"{city}\n".encode())
    assert [message["data"]["one_city"] for message in messages] == ["Москва", "Москва"]
    assert report.repaired == {Repair.ENCODING_CP1251: 1}
    assert report.encoding == "cp1251"


def test_empty_cells_that_are_not_needed_are_null(make: Callable[..., Made]) -> None:
    """A transaction without place and name is sent with nulls, and without a key."""
    optional = [field for field in FIELDS if field not in ("transaction_time", "cat_id", "amount")]
    report, (message,) = make([HEADER, with_cells(ADA, **dict.fromkeys(optional, ""))])
    assert [field for field, value in message["data"].items() if value is None] == optional
    assert (report.ready, dict(report.repaired)) == (1, {})


def test_columns_that_are_not_needed_may_be_missing(make: Callable[..., Made]) -> None:
    """The three needed columns are enough; the report names the others."""
    report, (message,) = make(columns([HEADER, ADA], [0, 2, 3]))
    assert {field: value for field, value in message["data"].items() if value is not None} == {
        "transaction_time": "2019-09-14 02:46", "cat_id": "grocery_net", "amount": 25.79,
    }  # fmt: skip
    assert report.missing_columns == tuple(f for f in FIELDS if f not in ("transaction_time", "cat_id", "amount"))
    assert report.repaired == {Repair.COLUMN_MISSING: 14}


def test_a_cell_of_several_lines_is_one_cell(make: Callable[..., Made]) -> None:
    """A line break inside quotes belongs to the cell; line numbers below still are those of the file."""
    broken = with_cells(ADA, street="1 Test Lane\nback door")
    report, messages = make([HEADER, broken, BOB, "x"])
    assert [message["data"]["street"] for message in messages] == ["2 Test Lane", "1 Test Lane\nback door"]
    assert report.repaired == {Repair.CELL_OF_SEVERAL_LINES: 1}
    assert [bad.line for bad in report.refused] == [5]


def test_ids_of_the_file_are_used_where_they_are_valid(make: Callable[..., Made]) -> None:
    """A column transaction_id gives the ids; an empty or too long one is replaced by the row's own."""
    rows = [f"{ADA},mine", f"{ADA},", f"{ADA},{'x' * 129}"]
    report, messages = make([f"{HEADER},transaction_id", *rows])
    assert messages[0]["transaction_id"] == "mine"
    assert all(len(message["transaction_id"]) == 36 for message in messages[1:])
    assert report.repaired == {Repair.ID_REPLACED: 2}


REFUSED = {
    "an empty time": (with_cells(ADA, transaction_time=""), RowFault.EMPTY_CELL, "transaction_time"),
    "an empty category": (with_cells(ADA, cat_id=" "), RowFault.EMPTY_CELL, "cat_id"),
    "an empty amount": (with_cells(ADA, amount=""), RowFault.EMPTY_CELL, "amount"),
    "a day that does not exist": (ADA.replace("09-14", "02-30"), RowFault.BAD_TIME, "transaction_time"),
    "an hour that does not exist": (ADA.replace("02:46", "24:00"), RowFault.BAD_TIME, "transaction_time"),
    "a time without a date": (ADA.replace("2019-09-14 ", ""), RowFault.BAD_TIME, "transaction_time"),
    "a year long ago": (ADA.replace("2019", "1019"), RowFault.BAD_TIME, "transaction_time"),
    "a week date": (ADA.replace("2019-09-14", "2019-W37-6"), RowFault.BAD_TIME, "transaction_time"),
    "a date that may be of two days": (ADA.replace("2019-09-14", "3/4/2019"), RowFault.AMBIGUOUS_TIME, "transaction_time"),  # noqa: E501
    "a date without a time": (ADA.replace(" 02:46", ""), RowFault.BAD_TIME, "transaction_time"),
    "digits of another script": (ADA.replace("2019", "２０１９"), RowFault.BAD_TIME, "transaction_time"),
    "a word for an amount": (with_cells(ADA, amount="much"), RowFault.BAD_NUMBER, "amount"),
    "nan for an amount": (with_cells(ADA, amount="nan"), RowFault.EMPTY_CELL, "amount"),
    "NULL for a category": (with_cells(ADA, cat_id="NULL"), RowFault.EMPTY_CELL, "cat_id"),
    "an infinite latitude": (with_cells(ADA, lat="Infinity"), RowFault.BAD_NUMBER, "lat"),
    "true for a longitude": (with_cells(ADA, lon="true"), RowFault.BAD_NUMBER, "lon"),
    "an underscore in a number": (with_cells(ADA, amount="1_000"), RowFault.BAD_NUMBER, "amount"),
    "groups of two digits": (with_cells(ADA, amount="25,79,11"), RowFault.BAD_NUMBER, "amount"),
    "a number past floating point": (with_cells(ADA, amount="1e999"), RowFault.OUT_OF_RANGE, "amount"),
    "an amount no card holds": (with_cells(ADA, amount="-1000000000001.0"), RowFault.OUT_OF_RANGE, "amount"),
    "a population past 2**53": (with_cells(ADA, population_city="9007199254740993"), RowFault.OUT_OF_RANGE, "population_city"),  # noqa: E501
    "a fraction of a person": (with_cells(ADA, population_city="1.5"), RowFault.BAD_NUMBER, "population_city"),
    "a short row": (ADA.rpartition(",")[0], RowFault.SHORT_ROW, ""),
    "one word": ("hello", RowFault.SHORT_ROW, ""),
    "an unquoted comma": (ADA.replace('"', ""), RowFault.LONG_ROW, ""),
    "an unclosed quote": (ADA.replace('Sipes"', "Sipes"), RowFault.BAD_QUOTES, ""),
    "a quote that closes too early": (ADA.replace("Stokes,", 'Stokes"x,'), RowFault.BAD_QUOTES, ""),
    "a row quoted as one cell and broken inside": (quoted(ADA.replace('Sipes"', "Sipes")), RowFault.BAD_QUOTES, ""),
    "a NUL character": (ADA.replace("Ada", "A\0da"), RowFault.BAD_ENCODING, ""),
    "a cell over the limit": (with_cells(ADA, merch="x" * 200_000), RowFault.TOO_LARGE, ""),
    "a row over the limit": (with_cells(ADA, merch="x" * 131_000, jobs="x" * 131_000, street="x" * 131_000), RowFault.TOO_LARGE, ""),  # noqa: E501
}  # fmt: skip


@pytest.mark.parametrize(("row", "reason", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_repaired_is_refused_by_line_and_its_neighbours_are_sent(
    make: Callable[..., Made], row: str, reason: RowFault, field: str
) -> None:
    """The bad row is named by line, field and reason; the rows above and below it arrive."""
    report, messages = make([HEADER, BOB, row, ADA, EVE])
    assert [message["data"]["name_1"] for message in messages] == ["Eve", "Bob", "Ada"]
    assert messages[2]["data"] == ADA_DATA
    assert [(bad.line, bad.field, bad.reason) for bad in report.refused] == [(3, field, reason)]
    assert report.refused[0].message
    assert (report.rows, report.refused_total) == (4, 1)


def test_bytes_of_no_encoding_are_refused_by_line(make: Callable[..., Made]) -> None:
    """A byte that neither UTF-8 nor cp1251 knows costs its own row only."""
    report, messages = make(text([HEADER]) + BOB.encode() + b"\x98\n" + text([ADA]))
    assert [message["data"] for message in messages] == [ADA_DATA]
    assert [(bad.line, bad.reason) for bad in report.refused] == [(2, RowFault.BAD_ENCODING)]


def test_an_unclosed_quote_in_a_long_file_costs_one_row(make: Callable[..., Made]) -> None:
    """Thousands of rows below an unclosed quote survive, wherever in the file it stands."""
    rows = [ADA, BOB] * 2000
    for place in (0, 777, 2468, 3999):
        rows[place] = ADA.replace('Sipes"', "Sipes")
    report, messages = make([HEADER, *rows])
    assert [bad.line for bad in report.refused] == [2, 779, 2470, 4001]
    assert len(messages) == 3996


def test_only_the_first_hundred_refusals_are_kept_and_all_are_counted(make: Callable[..., Made]) -> None:
    """A file of bad rows does not fill the memory with refusals."""
    report, messages = make([HEADER, *["x"] * 1234])
    assert (len(report.refused), report.refused_total, messages) == (100, 1234, [])


@pytest.mark.parametrize(
    ("amounts", "lat", "expected"),
    [
        (["1,045", "64.10"], "32.9", [1045.0, 64.1]),
        (["1,045", "64,10"], "32,9", [1.045, 64.1]),
        (["1.045", "12.000,50"], "32,9", [1045.0, 12000.5]),
        (["1,045", "995"], "-97,1", [1.045, 995.0]),
        (["1\u00a0045,5", "1'045.5"], "", [1045.5, 1045.5]),
        (["1,045", "1,577,385"], "", [1045.0, 1577385.0]),
    ],
)
def test_the_decimal_mark_is_that_of_the_whole_file(
    make: Callable[..., Made], amounts: list[str], lat: str, expected: list[float]
) -> None:
    """One number that can mean one thing alone decides for all, also for those above it and those without a comma."""
    rows = [f"2019-09-14 02:4{place};home;{amount};{lat}" for place, amount in enumerate(amounts)]
    report, messages = make(["transaction_time;cat_id;amount;lat", *rows])
    assert [message["data"]["amount"] for message in messages] == expected
    assert report.refused_total == 0


def test_numbers_that_nothing_decides_are_told_once(make: Callable[..., Made]) -> None:
    """With an example and the remedy, beside rows that are sent."""
    rows = [f"2019-09-14 02:46;home;{amount}" for amount in ("995", "1,045", "2,000", "3,500")]
    report, messages = make(["transaction_time;cat_id;amount", *rows])
    assert [message["data"]["amount"] for message in messages] == [995.0]
    (told,) = report.refused
    assert (told.line, told.reason, told.value, told.rows) == (3, RowFault.AMBIGUOUS_NUMBER, "1,045", 3)
    assert "1045 or 1.045" in told.message
    assert report.refused_total == 3


def test_names_that_nobody_knows_are_told(make: Callable[..., Made]) -> None:
    """How many, which, and where first; clean rows and others alike; they are sent as they are."""
    rows = [
        BOB,
        *[with_cells(BOB, cat_id="books")] * 20,
        with_cells(BOB, cat_id="books", lat="+1"),
        with_cells(BOB, gender="?"),
    ]
    report, messages = make([HEADER, *rows])
    assert [(value.field, value.value, value.rows, value.line) for value in report.unknown] == [
        ("cat_id", "books", 21, 3), ("gender", "?", 1, 24),
    ]  # fmt: skip
    assert sum(message["data"]["cat_id"] == "books" for message in messages) == 21


@pytest.mark.parametrize("word", ["NA", "N/A", "nan", "NULL", "None", "\\N", "-"])
def test_words_for_missing_are_empty_cells(make: Callable[..., Made], word: str) -> None:
    """In numbers and in texts; people without a name are not one customer."""
    optional = [field for field in FIELDS if field not in ("transaction_time", "cat_id", "amount")]
    report, (message,) = make([HEADER, with_cells(ADA, **dict.fromkeys(optional, word))])
    assert [field for field, value in message["data"].items() if value is None] == optional
    assert report.repaired == {Repair.MISSING_WORD: 1}


@pytest.mark.parametrize(
    "members", [{"a.csv": b"x", "b.csv": b"x"}, {"xl/workbook.xml": b"x", "[Content_Types].xml": b"x"}]
)
def test_an_archive_of_several_files_is_refused(make: Callable[..., Made], members: dict[str, bytes]) -> None:
    """So is a workbook, by its own name."""
    with pytest.raises(FileRefused) as refused:
        make(zipped(members))
    expected = FileFault.SPREADSHEET if "xl/workbook.xml" in members else FileFault.ARCHIVE
    assert refused.value.code == expected


UNUSABLE = {
    "an empty file": (b"", FileFault.EMPTY, "empty"),
    "a file of blank lines": (b"\n\r\n \n", FileFault.EMPTY, "blank"),
    "only a byte order mark": (b"\xef\xbb\xbf", FileFault.EMPTY, "blank"),
    "a header alone": (text([HEADER]), FileFault.NO_ROWS, "no rows"),
    "a workbook": (b"PK\x03\x04\x14\x00\x06\x00", FileFault.SPREADSHEET, "xlsx"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1", FileFault.SPREADSHEET, "xls"),
    "binary data": (b"\x7fELF\x02\x01\x01\0\0\0\0\0" * 50, FileFault.NOT_TEXT, "binary"),
    "half a character of UTF-16": (text([HEADER, ADA]).decode().encode("utf-16")[:-1], FileFault.UTF16, "UTF-16"),
    "an archive cut off": (gzip.compress(text([HEADER, ADA]))[:-9], FileFault.ARCHIVE, "unpack"),
    "dates of which every one is ambiguous": (text([HEADER, *[ADA.replace("2019-09-14", f"3/{d}/2019") for d in range(1, 20)]]), FileFault.AMBIGUOUS_TIME, "3/1/2019 02:46"),  # noqa: E501
    "numbers of which every one is ambiguous": (text(["transaction_time;cat_id;amount", *["2019-09-14 02:46;home;1,045"] * 9]), FileFault.AMBIGUOUS_NUMBER, "line 2: 1,045"),  # noqa: E501
    "UTF-16 without a mark": (text([HEADER, ADA]).decode().encode("utf-16-le"), FileFault.UTF16, "UTF-16"),
    "data without a header": (text([ADA, BOB]), FileFault.NO_HEADER, "the header is missing"),
    "another table": (text(["name,city", "Ada,Nowhere"]), FileFault.NO_HEADER, "no column name is known"),
    "a header without needed columns": (text(columns([HEADER, ADA], [0, 1])), FileFault.MISSING_COLUMNS, "cat_id, amount"),  # noqa: E501
    "a column twice": (text([f"{HEADER},Amount", f"{ADA},1"]), FileFault.DUPLICATE_COLUMNS, "amount"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "code", "detail"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_file_is_refused_with_the_reason(
    make: Callable[..., Made], content: bytes, code: FileFault, detail: str
) -> None:
    """Nothing of it is sent, and the message tells a person what to do."""
    with pytest.raises(FileRefused) as refused:
        make(content)
    assert refused.value.code == code
    assert detail in refused.value.detail


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A wrong path is a refusal like any other."""
    with pytest.raises(FileRefused) as refused, prepare(tmp_path / "none.csv", contract=SHIPPED):
        pass
    assert refused.value.code == FileFault.UNREADABLE


def test_a_file_over_the_limit_of_rows_is_refused(tmp_path: Path) -> None:
    """As many rows as allowed pass, one more does not."""
    path = tmp_path / "transactions.csv"
    path.write_bytes(text([HEADER, *[ADA] * 5]))
    with prepare(path, contract=SHIPPED, max_rows=5) as prepared:
        assert len(prepared) == 5
    with pytest.raises(FileRefused) as refused, prepare(path, contract=SHIPPED, max_rows=4):
        pass
    assert refused.value.code == FileFault.TOO_MANY_ROWS


ODD_CELLS = st.sampled_from(["", " ", "0", "-0", "1.", "1e11", "1e13", "nan", "1_0", "x", "2019-09-14T02:46:59", "2100-01-01 00:00"])  # noqa: E501  # fmt: skip
GOOD_LINES = st.sampled_from([ADA, BOB, quoted(ADA), ADA.replace('"', "", 1), "", "," * 16, "x"])
CSV_LIKE = st.lists(GOOD_LINES | st.text(alphabet='",;\n\r\0 a1.\t-|Ы', max_size=60), max_size=30).map(
    lambda lines: text([HEADER, *lines])
)


IN_ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
"""Its files are written anew for each example."""


@settings(IN_ONE_FOLDER, max_examples=300)
@given(content=st.binary(max_size=400) | CSV_LIKE | st.binary(max_size=300).map(lambda rest: text([HEADER]) + rest))
@example(content=text([HEADER, 'a"b,"c'] + ['a"b,"c'] * 40))
def test_any_bytes_end_in_a_refusal_or_in_a_report_that_adds_up(tmp_path: Path, content: bytes) -> None:
    """Every row is either ready or refused, whatever the file; no other error comes out."""
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    try:
        report, messages = read(path)
    except FileRefused:
        return
    assert report.rows == report.ready + report.refused_total
    assert report.ready == len(messages)


@settings(IN_ONE_FOLDER, max_examples=300)
@given(cells=st.fixed_dictionaries({field: st.none() | ODD_CELLS for field in FIELDS}))
@example(cells=dict.fromkeys(FIELDS) | {"amount": "1e12", "post_code": str(2**53 - 1)})
def test_the_scorer_rejects_nothing_that_the_sender_calls_ready(tmp_path: Path, cells: dict[str, str | None]) -> None:
    """Whatever stands in the cells, a row is refused with its line here and not in the dead letters."""
    path = tmp_path / "odd.csv"
    path.write_bytes(
        text([HEADER, with_cells(ADA, **{field: cell for field, cell in cells.items() if cell is not None})])
    )
    with prepare(path, contract=SHIPPED) as prepared:
        _, rejects = Decoder(SHIPPED, FIELDS).decode([value for _, value in prepared], str)
        assert not rejects


@settings(IN_ONE_FOLDER, max_examples=100)
@given(bad=st.sets(st.integers(0, 99), max_size=20), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_bad_rows_never_cost_good_ones(tmp_path: Path, bad: set[int], end: str) -> None:
    """Wherever unclosed quotes stand, exactly those rows are refused and all others are sent."""
    rows = [ADA.replace('Sipes"', "Sipes") if place in bad else (ADA, BOB)[place % 2] for place in range(100)]
    path = tmp_path / "some.csv"
    path.write_bytes(text([HEADER, *rows], end))
    report, messages = read(path)
    assert [bad_row.line for bad_row in report.refused] == [place + 2 for place in sorted(bad)]
    assert len(messages) == 100 - len(bad)
