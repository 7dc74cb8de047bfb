"""Makes CSV files in the dialects people have, of rows whose fate is known: what is sent of each, or why it is not."""

import contextlib
import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from services.sender.report import RowFault
from tests.support.contracts import DECIMAL_FIELDS, FIELDS, INTEGER_FIELDS

Cells = dict[str, str]

NEEDED = ("transaction_time", "cat_id", "amount")
OPTIONAL = tuple(name for name in FIELDS if name not in NEEDED)
NUMBERS = (*DECIMAL_FIELDS, *INTEGER_FIELDS)
TEXTS = tuple(name for name in OPTIONAL if name not in NUMBERS)


@dataclass
class Row:
    """A row's cells by column as they are written, and its fate."""

    cells: Cells
    data: dict[str, Any]
    """What is sent."""
    own_id: str | None = None
    fault: tuple[RowFault, str] | None = None
    """Why nothing is sent, and the field."""
    line: int = 0


@dataclass
class Table:
    """A file and the fates of its rows."""

    content: bytes
    separator: str
    rows: list[Row]
    missing: tuple[str, ...]


@dataclass
class _Dialect:
    separator: str
    end: str
    columns: list[str]
    header: Callable[[str], str]
    quoting: Any
    line: int = 1
    parts: list[bytes] = field(default_factory=list)

    def write(self, text: str, encoding: str = "utf-8") -> None:
        """Write a record; its line breaks, and the one at its end, become the file's."""
        self.parts.append((text + "\n").replace("\n", self.end).encode(encoding))
        self.line += text.count("\n") + 1

    def joined(self, cells: list[str]) -> str:
        """Return cells as CSV writes them."""
        out = io.StringIO()
        csv.writer(out, delimiter=self.separator, quoting=self.quoting, lineterminator="\n").writerow(cells)
        return out.getvalue().removesuffix("\n")


def table(random: Random) -> Table:
    """Return a file of up to 30 rows."""
    dialect = _dialect(random)
    for _ in range(random.choice((0, 0, 0, 2))):
        dialect.write("")
    if dialect.separator == "|" or random.random() < 0.1:
        dialect.write(random.choice((f"sep={dialect.separator}", f'"SEP={dialect.separator}"')))
    columns = dialect.columns
    header = dialect.joined(list(map(dialect.header, columns)))
    dialect.write(_as_one_cell(header) if random.random() < 0.05 and '"' not in header else header)
    rows = []
    for _ in range(random.randint(1, 30)):
        while random.random() < 0.1:
            dialect.write(random.choice(("", "  ", '""', dialect.separator, dialect.separator * (len(columns) - 1))))
        rows.append(_write_row(random, dialect))
    content = b"".join(dialect.parts)
    if random.random() < 0.2 and rows[-1].fault is None:
        content = content.removesuffix(dialect.end.encode())
    if random.random() < 0.2:
        content = b"\xef\xbb\xbf" + content
    content = _wrapped(random, content)
    missing = tuple(name for name in FIELDS if name not in columns)
    return Table(content, dialect.separator, rows, missing)


def _wrapped(random: Random, content: bytes) -> bytes:
    """Return some contents in another encoding, or packed."""
    if random.random() < 0.05:
        with contextlib.suppress(UnicodeDecodeError):
            content = content.decode("utf-8-sig").encode("utf-16")
    return gzip.compress(content, 1) if random.random() < 0.05 else content


def _dialect(random: Random) -> _Dialect:
    columns = list(FIELDS)
    if random.random() < 0.3:
        columns = [name for name in FIELDS if name in NEEDED or random.random() < 0.7]
    columns += [name for name in ("transaction_id", "target", "note", "") if random.random() < 0.1]
    if random.random() < 0.3:
        random.shuffle(columns)
    return _Dialect(
        separator=random.choice((",", ",", ";", "\t", ",", ",", ";", "\t", "|")),
        end=random.choice(("\n", "\n", "\r\n", "\r")),
        columns=columns,
        header=random.choice((str, str, str.upper, lambda name: f" {name} ", lambda name: name.replace("_", " "))),
        quoting=random.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
    )


def _write_row(random: Random, dialect: _Dialect) -> Row:
    row = _good_row(random, dialect)
    kind = random.random()
    row.line = dialect.line
    if kind < 0.25:
        _write_bad(random, dialect, row)
        return row
    if kind < 0.5:
        for _ in range(random.choice((1, 2, 4))):
            random.choice(_VARIATIONS)(random, dialect, row)
    text = dialect.joined([row.cells[name] for name in dialect.columns])
    if random.random() < 0.03:
        text += dialect.separator * random.randint(1, 3)
    elif random.random() < 0.05 and "\n" not in text:
        text = _as_one_cell(text)
    dialect.write(text, _encoding(random, text))
    return row


def _good_row(random: Random, dialect: _Dialect) -> Row:
    day = f"20{random.randint(10, 29)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    data: dict[str, Any] = {
        "transaction_time": f"{day} {random.randint(0, 23):02}:{random.randint(0, 59):02}",
        "merch": random.choice(("fraud_Stokes, Christiansen and Sipes", 'fraud_"Q"', "Ёлки; и\tпалки", "home")),
        "cat_id": random.choice(("grocery_net", "home")), "amount": round(random.uniform(0, 999), 2),
        "name_1": random.choice(("Ada", "Zoë", "😀")), "name_2": "Example", "gender": random.choice("FM"),
        "street": "1 Test Lane", "one_city": random.choice(("Nowhere", "Москва")), "us_state": "TX",
        "post_code": random.randint(1000, 99999), "lat": round(random.uniform(-90, 90), 4),
        "lon": round(random.uniform(-180, 180), 4), "population_city": random.randint(20, 10**7),
        "jobs": "Engineer, civil", "merchant_lat": round(random.uniform(-90, 90), 6),
        "merchant_lon": round(random.uniform(-180, 180), 6),
    }  # fmt: skip
    cells = {name: str(data.get(name, "x")) for name in dialect.columns}
    row = Row(cells, {name: data[name] if name in dialect.columns else None for name in FIELDS})
    if "transaction_id" in cells:
        row.own_id = cells["transaction_id"] = f"own-{random.getrandbits(64):x}"
    return row


def _with_seconds(random: Random, dialect: _Dialect, row: Row) -> None:
    if row.cells["transaction_time"].replace("T", " ") == row.data["transaction_time"][: len("2019-09-14 02:46")]:
        row.cells["transaction_time"] += f":{random.randint(0, 59):02}"
        row.data["transaction_time"] = row.cells["transaction_time"].replace("T", " ")
        if row.data["transaction_time"].endswith(":00"):
            row.data["transaction_time"] = row.data["transaction_time"][: len("2019-09-14 02:46")]


def _with_t(random: Random, dialect: _Dialect, row: Row) -> None:
    row.cells["transaction_time"] = row.data["transaction_time"].replace(" ", "T")


def _with_another_time(random: Random, dialect: _Dialect, row: Row) -> None:
    """Write the time in another form; what is sent has the hour and minute of the clock."""
    date, clock = row.data["transaction_time"][:10], row.data["transaction_time"][11:16]
    year, month, day = date.split("-")
    form, seconds = random.choice((
        (f"{day}.{month}.{year} {clock}", ""), (f"{int(day)}.{int(month)}.{year}, {clock}:07", ":07"),
        (f"{date}T{clock}:07.250Z", ":07"), (f"{date} {clock}:59+03:00", ":59"), (f"{date} {clock}Z", ""),
        (f"{year}/{month}/{day} {clock}", ""), (f"{year}{month}{day}T{clock.replace(':', '')}00", ""),
    ))  # fmt: skip
    row.cells["transaction_time"], row.data["transaction_time"] = form, f"{date} {clock}{seconds}"


def _with_names(random: Random, dialect: _Dialect, row: Row) -> None:
    """Write category and gender in another way, or names that nobody knows."""
    row.cells["cat_id"], row.data["cat_id"] = random.choice(
        (("Grocery_Net", "grocery_net"), ("grocery-net", "grocery_net"), ("HOME", "home"), ("books", "books"))
    )
    if row.data["gender"] is not None:
        row.cells["gender"], row.data["gender"] = random.choice((("f", "F"), ("Male", "M"), ("?", "?")))


def _with_missing_words(random: Random, dialect: _Dialect, row: Row) -> None:
    for name in OPTIONAL:
        if name in row.cells and random.random() < 0.2:
            row.cells[name], row.data[name] = random.choice(("NA", "N/A", "nan", "NULL", "None", "\\N", "-")), None


def _with_spaces(random: Random, dialect: _Dialect, row: Row) -> None:
    name = random.choice([name for name in row.cells if name in FIELDS])
    row.cells[name] = random.choice((f" {row.cells[name]}", f"{row.cells[name]} ", f"\u00a0{row.cells[name]} "))


def _emptied(random: Random, dialect: _Dialect, row: Row) -> None:
    for name in OPTIONAL:
        if name in row.cells and random.random() < 0.3:
            row.cells[name], row.data[name] = random.choice(("", " ")), None


def _with_odd_number(random: Random, dialect: _Dialect, row: Row) -> None:
    """Write a number in another way."""
    name = random.choice([name for name in NUMBERS if name in row.cells])
    if name in DECIMAL_FIELDS:
        texts = "-0", "-0.0", "+1.5", "1e3", "1E-7", ".5", "5.", "007", "1234567.12345678", "1e-400", "0." + "3" * 99
        text = random.choice(texts)
        row.data[name] = float(text)
    else:
        text, row.data[name] = random.choice(
            (("0", 0), ("-0", 0), ("+7", 7), ("007", 7), ("7.0", 7), ("1e3", 1000), ("1 577 385", 1577385))
        )
    row.cells[name] = text.replace(".", ",") if random.random() < 0.3 else text


def _with_line_break(random: Random, dialect: _Dialect, row: Row) -> None:
    names = [name for name in TEXTS if name in row.cells and row.data[name] is not None]
    if names:
        name = random.choice(names)
        row.cells[name] = row.data[name] = "1 Test Lane\nback door"


def _with_odd_id(random: Random, dialect: _Dialect, row: Row) -> None:
    if row.own_id is not None:
        row.cells["transaction_id"], row.own_id = random.choice((("", None), ("x" * 129, None), ("é" * 128, "é" * 128)))


_VARIATIONS = (
    _with_seconds, _with_t, _with_another_time, _with_spaces, _emptied, _with_missing_words, _with_odd_number,
    _with_odd_number, _with_line_break, _with_odd_id, _with_names,
)  # fmt: skip

_BAD_CELLS: tuple[tuple[str, str, RowFault], ...] = (
    *((name, text, RowFault.EMPTY_CELL) for name in NEEDED for text in ("", "  ", "NA")),
    *(
        ("transaction_time", text, RowFault.BAD_TIME)
        for text in (
            "2019-02-29 00:00", "2019-09-14 24:00", "2016-12-31 23:59:60", "1969-12-31 23:59", "2100-01-01 00:00",
            "2019-W37-6 02:46", "14.13.2019 02:46", "2019-09-14", "２０１９-09-14 02:46", "1568429160", "now",
        )
    ),
    *(("transaction_time", text, RowFault.AMBIGUOUS_TIME) for text in ("3/4/2019 2:46", "14-09-2019 2:46", "1.2.19")),
    *(
        (name, text, RowFault.BAD_NUMBER)
        for name in NUMBERS
        for text in ("much", "Infinity", "1_000", "0x1F", "1 00", "--1", "1e", "true", "١", "=1+1", "1,2,3")
    ),
    *((name, text, RowFault.BAD_NUMBER) for name in INTEGER_FIELDS for text in ("1.5", "1e-3")),
    *((name, text, RowFault.OUT_OF_RANGE) for name in NUMBERS for text in ("1e999", "-1e400")),
    *((name, text, RowFault.OUT_OF_RANGE) for name in INTEGER_FIELDS for text in (str(2**53), "-1e17", "9" * 5_000)),
    *(("amount", text, RowFault.OUT_OF_RANGE) for text in ("1e13", "-1000000000001", "9" * 65)),
)  # fmt: skip


def _write_bad(random: Random, dialect: _Dialect, row: Row) -> None:
    """Write a row that cannot be sent."""
    if random.random() < 0.6:
        name, text, fault = random.choice([bad for bad in _BAD_CELLS if bad[0] in row.cells])
        row.cells[name], row.fault = text, (fault, name)
        dialect.write(dialect.joined([row.cells[name] for name in dialect.columns]))
        return
    cells = [row.cells[name] for name in dialect.columns]
    text = dialect.joined(cells)
    separator = dialect.separator
    bad, fault = random.choice(
        (
            (text + "\0", RowFault.BAD_ENCODING),
            (text + "\0", RowFault.BAD_ENCODING),
            (dialect.joined(cells[:-1]), RowFault.SHORT_ROW),
            ("hello", RowFault.SHORT_ROW),
            (f"{text}{separator}more", RowFault.LONG_ROW),
            (f"{text}{separator}{text}", RowFault.LONG_ROW),
            (f'{dialect.joined(cells[:-1])}{separator}"never closed', RowFault.BAD_QUOTES),
            (f'"closed" too early{separator}{text}', RowFault.BAD_QUOTES),
            (_as_one_cell(f'{text}{separator}"x'), RowFault.BAD_QUOTES),
        )
    )
    if random.random() < 0.005:
        bad, fault = dialect.joined(["x" * 140_000, *cells[1:]]), RowFault.TOO_LARGE
    row.fault = (fault, "")
    dialect.write(bad)
    if fault == RowFault.BAD_ENCODING and random.random() < 0.5:
        dialect.parts[-1] = dialect.parts[-1].replace(b"\0", b"\x98")  # a byte that cp1251 does not have


def _as_one_cell(text: str) -> str:
    """Return a row as a spreadsheet saves it that has read it as one cell."""
    return '"' + text.replace('"', '""') + '"'


def _encoding(random: Random, text: str) -> str:
    """Return cp1251 for some of the rows that Windows would write so and that are no UTF-8 then."""
    try:
        text.encode("cp1251").decode()
    except UnicodeEncodeError:
        return "utf-8"
    except UnicodeDecodeError:
        return random.choice(("utf-8", "cp1251"))
    return "utf-8"
