"""Outcomes of a labelled file, and what a comparison comes to."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from services.common.contract.ids import file_namespace, row_id
from services.common.errors import Stop
from services.sender.csvfile import prepare
from services.tools.backfill.labels import read_labels
from services.tools.backfill.read import _at
from services.tools.backfill.report import lines, make_report
from tests.support.other_contracts import SHIPPED

COUNTS = {
    "scored": 100, "compared": 90, "flagged": 9, "flagged_live": 8, "newly_flagged": 3, "no_longer_flagged": 2,
    "mean_shift": -0.01, "mean_absolute_shift": 0.02, "largest_shift": 0.5,
}  # fmt: skip
JUDGED = {"judged": 50, "frauds": 10, "caught": 8, "flagged": 10, "caught_live": 5, "flagged_live": 5}
NOBODY = dict.fromkeys(JUDGED, 0)


def test_labels_have_the_ids_that_the_sender_gives(tmp_path: Path) -> None:
    """By content, equal rows numbered, and as it gave them before; or as the file has them. Refused rows have none."""
    path = tmp_path / "labelled.csv"
    rows = ["2019-09-14 02:46,Home,1,0", "2019-09-14 02:46,home,2,1", "never,home,2,1", "2019-09-14 02:46,home,2.0,1"]
    path.write_text("\n".join(["transaction_time,cat_id,amount,target", *rows, ""]))
    with prepare(path, contract=SHIPPED) as prepared:
        sent = [orjson.loads(value)["transaction_id"] for _, value in prepared]
    namespace = file_namespace(hashlib.sha256(path.read_bytes()).digest())
    before = [row_id(namespace, number) for number in (1, 2, 4)]
    assert len(set(sent)) == 3
    assert list(read_labels(path, SHIPPED)) == [
        (sent[0], False), (before[0], False), (sent[1], True), (before[1], True), (sent[2], True), (before[2], True),
    ]  # fmt: skip
    path.write_text("transaction_id,target\na,1\n")
    assert list(read_labels(path, SHIPPED)) == [("a", True)]


@pytest.mark.parametrize("content", ["amount\n1\n", "amount,target\n1,2\n", "amount,target\n1,\n"])
def test_a_file_without_outcomes_is_refused(content: str, tmp_path: Path) -> None:
    """Not taken for a file without frauds."""
    path = tmp_path / "labelled.csv"
    path.write_text(content)
    with pytest.raises(Stop):
        list(read_labels(path, SHIPPED))
    with pytest.raises(Stop):
        list(read_labels(tmp_path / "none.csv", SHIPPED))


def test_quality_is_worked_out_for_both_models_on_the_same_transactions() -> None:
    """8 of 10 frauds with 10 flags; 5 of 10 with 5."""
    report = make_report(COUNTS, JUDGED, "labels", "all", 4)
    assert report["model"] == {"f1": 0.8, "precision": 0.8, "recall": 0.8}
    assert report["live"] == {"f1": pytest.approx(2 / 3), "precision": 1.0, "recall": 0.5}
    text = "\n".join(lines(report))
    assert "3 newly flagged, 2 no longer" in text
    assert "F1 0.8000" in text


def test_without_judgements_no_quality_is_claimed() -> None:
    """Nor a division by zero."""
    assert "F1 is unknown" in "\n".join(lines(make_report(COUNTS, NOBODY, "verdicts", "all", 0)))


@pytest.mark.parametrize(("year", "milliseconds"), [(1, 0), (1969, 0), (1971, 31_536_000_000)])
def test_a_moment_before_1970_is_the_beginning(year: int, milliseconds: int) -> None:
    """A negative time would be the name of an offset to Kafka: -1 is the end of the topic."""
    assert vars(_at(datetime(year, 1, 1, tzinfo=UTC))) == {"timestamp": milliseconds}
