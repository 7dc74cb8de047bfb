"""What must hold of any CSV file: each claim checks one and returns the fates of its rows."""

import csv
import re
from collections import Counter
from random import Random
from typing import Any

import orjson

from services.scorer.event_time import parse_times
from services.sender.report import MAX_REFUSALS, REPORTED_ONCE, FileFault, FileRefused, FileReport, Repair, RowFault
from tests.fuzz.product import decode, read_file
from tests.fuzz.tables import Row, table
from tests.support.contracts import FIELDS, customer_key

Fates = Counter[str]

LINES_AT_MOST = 60

_GOOD = {
    "merch": "fraud_Stokes, Christiansen and Sipes", "cat_id": "grocery_net", "amount": 25.79, "name_1": "Ada",
    "name_2": "Example", "gender": "F", "street": "1 Test Lane", "one_city": "Nowhere", "us_state": "TX",
    "post_code": 76443, "lat": 32.1482, "lon": -99.1872, "population_city": 1897, "jobs": "Engineer, civil",
    "merchant_lat": 31.772057, "merchant_lon": -99.103183,
}  # fmt: skip


def rows_arrive_as_written(seed: bytes) -> Fates:
    """Check a file made of a seed: each row is sent with its content, or refused by line, field and reason."""
    made = table(Random(seed))
    if made.rows and all(row.fault is not None for row in made.rows):
        return any_file_adds_up(made.content)
    report, messages = read_file(made.content)
    sent = [row for row in made.rows if row.fault is None]
    sent.sort(key=lambda row: f"{row.data['transaction_time']}:00"[: len("2019-09-14 02:46:00")])
    assert [_data_of(value) for _, value in messages] == [_data(row.data) for row in sent]
    ids = [orjson.loads(value)["transaction_id"] for _, value in messages]
    assert [row.own_id or own for row, own in zip(sent, ids, strict=True)] == ids
    made_ids = [own for row, own in zip(sent, ids, strict=True) if not row.own_id]
    assert len(set(made_ids)) == len(made_ids)
    refused = _told(made.rows)
    assert [(bad.line, (bad.reason, bad.field)) for bad in report.refused] == [(row.line, row.fault) for row in refused]
    assert (report.rows, report.ready) == (len(made.rows), len(sent))
    assert (report.separator, report.missing_columns) == (made.separator, made.missing)
    return _fates(report)


def any_file_adds_up(content: bytes) -> Fates:
    """Check a file of any bytes: refused as a whole with a reason, or each of its rows is sent or refused."""
    try:
        report, messages = read_file(content)
    except FileRefused as refused:
        assert refused.code in FileFault
        assert refused.detail
        return Fates([f"file {refused.code.value}"])
    assert report.rows == report.ready + report.refused_total
    assert report.ready == len(messages)
    assert 0 < report.rows <= len(re.split(rb"\r\n|\r|\n", content))
    assert all(times > 0 and repair in Repair for repair, times in report.repaired.items())
    _check_refusals(report)
    _check_messages(messages)
    return _fates(report)


def bad_lines_never_cost_good_ones(lines: bytes) -> Fates:
    """Check a file with any lines in it and a good row below each: the good rows arrive, and each line has one fate.

    It is blank, or refused by its number, or sent, once.
    """
    any_lines = re.split(rb"\r\n|\r|\n", lines)[:LINES_AT_MOST]
    good = [{"transaction_time": f"2019-09-14 00:{59 - place // 2:02}", **_GOOD} for place in range(len(any_lines))]
    parts = [",".join(FIELDS).encode()]
    for line, data in zip(any_lines, good, strict=True):
        parts += [line, _line(data)]
    content = b"\n".join(parts) + b"\n"
    report, messages = read_file(content)
    assert len({orjson.loads(value)["transaction_id"] for _, value in messages}) == len(messages)
    sent = Fates([_data_of(value).decode() for _, value in messages])
    refused = {refusal.line for refusal in report.refused}
    for data in good:
        assert sent[_data(data).decode()] > 0
        sent[_data(data).decode()] -= 1
    assert all(line % 2 == 0 for line in refused)
    arrived = report.refused_total + sent.total()
    assert sum(not _looks_blank(line) for line in any_lines) <= arrived <= len(any_lines)
    assert report.rows == arrived + len(good)
    _check_refusals(report)
    _check_messages(messages)
    return _fates(report)


def _told(rows: list[Row]) -> list[Row]:
    """Return the refused rows that are told by line: of those that are ambiguous in a field, the first."""
    told: list[Row] = []
    for row in rows:
        if row.fault is not None and not (
            row.fault[0] in REPORTED_ONCE and row.fault in [other.fault for other in told]
        ):
            told.append(row)
    return told


def _check_refusals(report: FileReport) -> None:
    lines = [refusal.line for refusal in report.refused]
    assert lines == sorted(set(lines))
    assert len(lines) <= MAX_REFUSALS
    assert len(lines) == MAX_REFUSALS or sum(refusal.rows for refusal in report.refused) == report.refused_total
    assert all(refusal.reason in RowFault and refusal.message for refusal in report.refused)


def _check_messages(messages: list[tuple[bytes | None, bytes]]) -> None:
    """Check that the scorer takes them all, in order of event time, each keyed by its customer."""
    read = [orjson.loads(value) for _, value in messages]
    assert [key for key, _ in messages] == [customer_key(message["data"]) for message in read]
    seconds, valid = parse_times([message["data"]["transaction_time"] for message in read])
    assert valid.all()
    assert (seconds[1:] >= seconds[:-1]).all()
    assert not decode([value for _, value in messages])[1]


def _looks_blank(line: bytes) -> bool:
    text = line.decode("utf-8" if _is_utf8(line) else "cp1251", errors="replace")
    return all(character in ',"' or character.isspace() for character in text)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _line(data: dict[str, Any]) -> bytes:
    out: list[str] = []
    csv.writer(_Lines(out), lineterminator="").writerow(data.values())
    return "".join(out).encode()


class _Lines:
    def __init__(self, out: list[str]) -> None:
        self.write = out.append


def _data(data: dict[str, Any]) -> bytes:
    return orjson.dumps({name: data[name] for name in FIELDS})


def _data_of(message: bytes) -> bytes:
    return orjson.dumps(orjson.loads(message)["data"])


def _fates(report: FileReport) -> Fates:
    fates = Fates(sent=report.ready)
    for refusal in report.refused:
        fates[refusal.reason.value] += refusal.rows
    return fates + Fates({"refused, not listed": report.refused_total - sum(row.rows for row in report.refused)})
