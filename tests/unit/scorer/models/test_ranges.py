"""A range of a model is published exactly when another model or another scorer begins."""

import orjson
import pytest

from services.common.errors import Reject
from services.common.kafka.assignment import Batch
from services.common.manifest import GoldenRow, Manifest
from services.scorer.models.ranges import ModelRanges
from services.sink.decode import decode_model_message

A, B = (
    Manifest(
        version=version,
        model_file="m.onnx",
        sha256="0" * 64,
        threshold=0.5,
        contract_sha256="0" * 64,
        golden=(GoldenRow(transaction={}, features=(1.0,), score=0.5),),
    )
    for version in "ab"
)


def batch(**first_offsets: int) -> Batch:
    """Return a batch whose partitions begin there: batch(p0=5)."""
    return Batch(first_offsets={("transactions", int(name[1:])): offset for name, offset in first_offsets.items()})


def begun(ranges: ModelRanges, model: Manifest, **first_offsets: int) -> list[tuple[int, int, str]]:
    records = [orjson.loads(record["value"] or b"")["span"] for record in ranges.begin(batch(**first_offsets), model)]
    return [(span["partition"], span["first_offset"], span["model_version"]) for span in records]


def test_a_range_begins_with_the_first_batch_of_a_partition_and_when_the_model_changes() -> None:
    """And never in between."""
    ranges = ModelRanges()
    ranges.follow({0: 1, 1: 1})
    assert begun(ranges, A, p0=5) == [(0, 5, "a")]
    assert begun(ranges, A, p0=9, p1=0) == [(1, 0, "a")]
    assert begun(ranges, A, p0=11, p1=3) == []
    assert begun(ranges, B, p0=20) == [(0, 20, "b")]
    assert begun(ranges, B, p0=21, p1=4) == [(1, 4, "b")]


def test_a_partition_that_is_assigned_again_begins_a_range() -> None:
    """Another scorer, with another model, may have had it."""
    ranges = ModelRanges()
    ranges.follow({0: 1})
    assert begun(ranges, A, p0=5) == [(0, 5, "a")]
    ranges.follow({0: 2})
    assert begun(ranges, A, p0=50) == [(0, 50, "a")]


def test_the_sink_reads_what_the_scorer_publishes() -> None:
    """Key, place, model and threshold come through."""
    [record] = ModelRanges().begin(batch(p3=7), A)
    kind, row = decode_model_message(record["value"], 1_574_000_000_000, 0, 12)
    assert kind == "span"
    assert (row[:6], row[7:]) == (("3/7", 3, 7, "a", "0" * 64, 0.5), (0, 12))


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"span":{}}', b'{"span":1}', b'{"tally":{"scored":1}}'])
def test_what_is_no_range_is_a_reject(value: bytes | None) -> None:
    """Whatever stands in the topic, the sink goes on."""
    with pytest.raises(Reject):
        decode_model_message(value, 0, 0, 0)
