"""Huge inputs cost time and memory in proportion to their bytes: no message and no file can hold up a service."""

import tempfile
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

from services.common.errors import Reject
from services.common.reading.stored import decode_transaction
from services.sender.csvfile import prepare
from services.sender.report import FileRefused
from services.sink.decode import decode_score
from tests.fuzz.product import TOPIC, decode
from tests.support.contracts import FIELDS, cards
from tests.support.messages import nested

MB = 1 << 20
SECONDS_A_MB = 0.5
"""Of CPU, on a slow and busy machine: an idle one takes a tenth. Quadratic costs would be minutes."""
SECONDS_A_LINE = 500e-6
"""A line that opens a cell is looked at together with the 15 below it."""
BYTES_A_BYTE = 60
"""Of memory: a field of three letters is a Python object, and is read with care as well."""

TRANSACTION = nested("a").replace(b"1897", b"NaN")


def one_field(value: bytes) -> bytes:
    return nested("a").replace(b"25.79", value)


MESSAGES = {
    "a text of 10 MB": nested("a", jobs="x" * 10 * MB),
    "a text of 10 MB beside a NaN": TRANSACTION.replace(b"Chief", b"x" * 10 * MB),
    "a text of escapes": TRANSACTION.replace(b"Chief", b"\\u0436" * MB),
    "a text of half pairs": nested("a").replace(b"Chief", b"\\ud800" * MB),
    "a text that is not closed": b'{"transaction_id": "' + b"x" * 10 * MB,
    "a backslash at every place": b'"' + b"\\" * 10 * MB,
    "an id of 10 MB": nested("x" * 10 * MB),
    "a time of 10 MB": nested("a", transaction_time="2019-09-14 02:46" * MB),
    "a number of 1 MB": one_field(b"1" * MB),
    "a number of 1 MB beside a NaN": TRANSACTION.replace(b"25.79", b"1" * MB),
    "a fraction of 1 MB": one_field(b"0." + b"3" * MB),
    "a small fraction of 1 MB": one_field(b"0." + b"0" * MB + b"1"),
    "an exponent of 1 MB": one_field(b"1e" + b"9" * MB),
    "100,000 lists in each other": b"[" * 100_000 + b"]" * 100_000,
    "10 million brackets": b"[" * 10 * MB,
    "100,000 objects in each other": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a transaction with 100,000 lists in each other": one_field(b"[" * 100_000 + b"]" * 100_000),
    "300,000 fields": b"{" + b",".join(b'"%d":1' % number for number in range(300_000)) + b"}",
    "the same field a million times": b"{" + b'"amount":1,' * MB + b'"amount":2}',
    "blanks": b" " * 10 * MB,
    "zeros": b"\0" * 10 * MB,
    "bytes of no text": b"\xff" * 10 * MB,
    "a list of two million nulls": b"[" + b"null," * 2 * MB + b"null]",
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_a_huge_message_is_decoded_in_bounded_time(message: bytes) -> None:
    """By scorer and sink together; it is scored or rejected like any other, and its neighbour is scored."""
    started = time.process_time()
    columns, rejects = decode([message, nested("b")])
    with suppress(Reject):
        decode_transaction(message, TOPIC, 0, 0, cards())
    with suppress(Reject):
        decode_score(message, 0, 0, 0)
    spent = time.process_time() - started

    assert columns.ids[-1] == "b"
    assert len(columns) + len(rejects) == 2
    assert all(len(reject.message) < 200 for reject in rejects.values())
    assert spent < 1 + SECONDS_A_MB * len(message) / MB


@pytest.mark.parametrize("name", ["a text of half pairs", "300,000 fields", "10 million brackets", "bytes of no text"])
def test_a_huge_message_is_decoded_in_bounded_memory(name: str) -> None:
    """A multiple of its bytes, also where all of it is read."""
    message = MESSAGES[name][:MB] if name != "300,000 fields" else MESSAGES[name][:MB].rpartition(b",")[0] + b"}"
    tracemalloc.start()
    try:
        decode([message])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 * MB + BYTES_A_BYTE * len(message)


HEADER = ",".join(FIELDS).encode()
ROW = b"2019-09-14 02:46,x,home,25.79,Ada,Example,F,1 Test Lane,Nowhere,TX,76443,32.1,-99.1,1897,Engineer,31.7,-99.1"

FILES = {
    "one line of 10 MB": HEADER + b"\n" + b"x" * 10 * MB,
    "one cell of 10 MB": HEADER + b'\n"' + b"x" * 10 * MB,
    "a header of 10 MB": HEADER + b",x" * 5 * MB,
    "quotes alone": HEADER + b"\n" + b'"' * 10 * MB,
    "separators alone": HEADER + b"\n" + b"," * 10 * MB,
    "a cell opened at every line": HEADER + b"\n" + b'"a\n' * 5_000,
    "a cell opened at the end of every long line": HEADER + b"\n" + (b"1," * 20_000 + b'"x\n') * 50,
    "lines of one unknown byte": HEADER + b"\n" + b"\x98\n" * 10_000,
    "lines ended by CR": HEADER + b"\r" + (ROW + b"\r") * 10_000,
    "blank lines": HEADER + b"\n" + b"\n" * 200_000,
    "blank lines ended by CR": HEADER + b"\r" + b"\r" * 200_000,
    "blank lines ended by CR alone": b"\r" * 10 * MB,
    "a number of 100 KB": HEADER + b"\n" + ROW.replace(b"25.79", b"0." + b"3" * 100_000) + b"\n",
    "every other row bad": HEADER + b"\n" + (ROW + b"\n" + ROW + b",x\n") * 10_000,
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_a_huge_file_is_read_in_bounded_time(content: bytes, path: Path) -> None:
    """In proportion to its bytes and lines, whether any of it can be sent or not."""
    path.write_bytes(content)
    lines = content.count(b"\n") + content.count(b"\r")
    started = time.process_time()
    with suppress(FileRefused), prepare(path, contract=cards()) as prepared:
        assert prepared.report.rows == prepared.report.ready + prepared.report.refused_total

    assert time.process_time() - started < 1 + SECONDS_A_MB * len(content) / MB + SECONDS_A_LINE * lines


@pytest.mark.parametrize("name", ["one cell of 10 MB", "lines ended by CR", "blank lines ended by CR", "quotes alone"])
def test_a_huge_file_is_read_in_bounded_memory(name: str, path: Path) -> None:
    """As much as a block takes, not the file."""
    path.write_bytes(FILES[name])
    tracemalloc.start()
    try:
        with suppress(FileRefused), prepare(path, contract=cards()):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 24 * MB


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a file can be written; the sender's temporary files lie beside it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / "huge.csv"
