"""What must hold of any input, whatever its bytes: each claim checks one and returns the fates of what was in it."""

import struct
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np

from services.common.errors import Reason, Reject
from services.common.reading.stored import TransactionReader, TransactionRow, decode_transaction
from services.scorer.decode import Columns, Rejects
from services.sink.decode import ScoreRow, decode_score
from tests.fuzz.messages import SEPARATOR
from tests.fuzz.product import TOPIC, decode, decoders, features, recall
from tests.fuzz.reference import Faults, Transaction, is_deep, read_transaction, score_faults
from tests.support.contracts import cards

Fates = Counter[str]

CUSTOMER_MAX_BYTES = 2_048
MESSAGE_MAX_CHARACTERS = 500


def messages_have_one_fate_each(batch: bytes) -> Fates:
    """Check a batch of `transactions` (SEPARATOR between messages), as the scorer and the sink take it:

    1. each message is scored or rejected, as the reference says
    2. those that are scored come out as if the others were not there, bit for bit
    3. whatever is scored goes through memory and features
    4. the sink keeps every transaction that is scored, with the same content
    """
    values = [value or None for value in batch.split(SEPARATOR)]
    expected = [None if is_deep(value) else read_transaction(value) for value in values]
    for decoder in decoders():
        columns, rejects = decode(values, decoder)
        _check_decoded(columns, rejects, expected, {"", "data", "transaction_id", *decoder.fields})
        rows = columns.rows.tolist()
        alone, none = decode([values[row] for row in rows], decoder, rows)
        assert not none
        assert _content(alone) == _content(columns)
        _check_sink(values, columns, rejects)
        for row in [row for row, value in enumerate(values) if is_deep(value)]:
            assert len(decode([values[row]], decoder)[1]) == (row in rejects)
    remembered = recall(columns, list(map(_key, expected)))
    assert features(remembered).dtype == np.float32
    return Fates(reject.reason.value for reject in rejects.values()) + Fates(scored=len(columns))


def scores_have_one_fate_each(message: bytes) -> Fates:
    """Check a message of `scores` (8 bytes of timestamp before it): a row the table takes, or a reject."""
    timestamp_ms = struct.unpack(">q", message[:8].rjust(8, b"\0"))[0]
    value = message[8:] or None
    faults = set() if is_deep(value) else score_faults(value, timestamp_ms)
    try:
        row = decode_score(value, timestamp_ms, 3, 7)
    except Reject as reject:
        assert (reject.reason, reject.field) in faults or is_deep(value), reject
        return Fates([reject.reason.value])
    assert not faults, faults
    _check_score_row(row)
    return Fates(kept=1)


def _check_decoded(
    columns: Columns, rejects: Rejects, expected: list[Transaction | Faults | None], fields: set[str]
) -> None:
    """Check that each message has one fate, for one of the reasons the reference gives, if it has an answer."""
    rows = columns.rows.tolist()
    assert sorted([*rows, *rejects]) == list(range(len(expected)))
    for place, row in enumerate(rows):
        wanted = expected[row]
        if isinstance(wanted, Transaction):
            _check_scored(columns, place, wanted)
        elif wanted is not None:
            assert not {fault for fault in wanted if fault[1] in fields}, wanted
    for row, reject in rejects.items():
        assert reject.reason in Reason
        assert reject.field in fields
        assert 0 < len(reject.message.encode()) <= MESSAGE_MAX_CHARACTERS
        wanted = expected[row]
        assert not isinstance(wanted, Transaction), (reject, wanted)
        assert wanted is None or (reject.reason, reject.field) in wanted, (reject, wanted)


def _check_scored(columns: Columns, place: int, expected: Transaction) -> None:
    """Check that a transaction came out as the reference reads it."""
    assert expected.transaction_id in {None, columns.ids[place]}
    assert columns.seconds[place] == expected.seconds
    for field, numbers in columns.numbers.items():
        assert numbers[place].tobytes() == np.float64(expected.numbers[field]).tobytes(), field
    for field, texts in columns.texts.items():
        assert texts[place] == expected.texts[field], field


def _content(columns: Columns) -> tuple[object, ...]:
    numbers = [column.tobytes() for column in columns.numbers.values()]
    return columns.ids, columns.seconds.tobytes(), numbers, columns.texts


def _key(transaction: Transaction | Faults | None) -> bytes | None:
    """Return the key that a careful producer gives a message."""
    if not isinstance(transaction, Transaction):
        return None
    return "|".join(transaction.texts[field] or "" for field in cards().record.key).encode()


def _check_sink(values: list[bytes | None], columns: Columns, rejects: Rejects) -> None:
    """Check that the sink keeps what is scored, and skips nothing but what is rejected; many at once as one by one."""
    scored = dict(zip(columns.rows.tolist(), range(len(columns)), strict=True))
    one_by_one: list[TransactionRow] = []
    for row, value in enumerate(values):
        try:
            kept = decode_transaction(value, TOPIC, 0, row, cards())
        except Reject:
            assert row in rejects
            continue
        one_by_one.append(kept)
        _check_storable(kept)
        if row in scored:
            place = scored[row]
            moment = datetime(1970, 1, 1) + timedelta(seconds=int(columns.seconds[place]))
            assert kept[:3] == (columns.ids[place], moment, float(columns.numbers["amount"][place]))
            assert kept[3] == (columns.texts["cat_id"][place] or "").replace("\0", "")
    at_once, unread = TransactionReader(cards()).read(values, TOPIC, [(0, row) for row in range(len(values))])
    assert at_once == one_by_one
    assert unread == len(values) - len(one_by_one)


def _check_storable(row: TransactionRow) -> None:
    """Check that PostgreSQL takes a row: text it can hold and, where there is an index, short enough for it."""
    assert 1 <= len(row[0]) <= 128
    assert row[2] is None or np.isfinite(row[2])
    for text in (row[0], *row[3:8]):
        assert text is None or "\0" not in text
        assert text is None or text.encode() is not None
    assert len((row[7] or "").encode()) <= CUSTOMER_MAX_BYTES


def _check_score_row(row: ScoreRow) -> None:
    transaction_id, score, flag, scored_at, partition, offset = row
    assert 1 <= len(transaction_id) <= 128
    assert "\0" not in transaction_id
    assert transaction_id.encode()
    assert type(score) is float
    assert 0 <= score <= 1
    assert flag in {0, 1}
    assert type(flag) is int
    assert scored_at.tzinfo is UTC
    assert (partition, offset) == (3, 7)
