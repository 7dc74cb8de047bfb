"""What the mart holds of a transaction is found again in the file it came from, and told from another's."""

import tempfile
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.common.reading.stored import decode_transaction
from services.sender.csvfile import prepare
from services.sender.ids import STORED, TakenIds
from services.sender.report import FileRefused
from tests.support.contracts import FIELDS, cards

ROW = '7,2020-03-01 08:00:30,"Ёлка, Alder",Books,0.1,Ann,Vale,F,0 First Road,Northby,TX,75001,32.9,-97.1,2680,Glazier,32.6,-96.5'  # noqa: E501
BARE = "8,2020-03-01 08:00,,home,5,,,,,,,,,,,,,"
COLUMNS = "transaction_id, event_time, amount, category, merchant, state, city, customer, src_partition, src_offset"


def test_equal_content_is_no_conflict_and_other_content_is(
    mart: "psycopg.Connection[tuple[Any, ...]]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times, fractions and missing fields come back from PostgreSQL as they went in."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = tmp_path / "transactions.csv"
    path.write_text("\n".join([f"transaction_id,{','.join(FIELDS)}", ROW, BARE, ""]))
    with prepare(path, contract=cards()) as prepared:
        for _, value in prepared:
            mart.execute(
                f"insert into transactions ({COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",  # noqa: S608
                decode_transaction(value, "", 0, 0, cards()),
            )
        prepared.settle_ids(TakenIds.ASK, lambda ids: mart.execute(STORED, [ids]).fetchall())
    path.write_text(path.read_text().replace("Ann", "Bea"))
    with prepare(path, contract=cards()) as prepared, pytest.raises(FileRefused, match=r"first 7: 1$"):
        prepared.settle_ids(TakenIds.ASK, lambda ids: mart.execute(STORED, [ids]).fetchall())
