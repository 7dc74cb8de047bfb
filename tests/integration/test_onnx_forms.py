"""ONNX as exporters write it, through the running stream."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import Start
from services.common.settings import TopicSettings
from tests.support.onnx_forms import FORMS, write_form
from tests.support.topics import produce, read_all


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_scored_in_the_stream_as_its_exporter_predicts(
    name: str, kafka: str, topics: TopicSettings, start: Start, tmp_path: Path
) -> None:
    """Records of JSON go in, and what comes out is the exporter's own prediction, to 1e-5."""
    form = FORMS[name]()
    folder = write_form(tmp_path / "model", form)
    records = [{"transaction_id": str(row), "data": record} for row, record in enumerate(form.records)]
    produce(kafka, topics.transactions, map(orjson.dumps, records))

    scorer = start("scorer", "--until-empty", SCORER_MODEL_DIR=str(folder))

    assert scorer.finish() == 0, scorer.text()
    scores = {body["transaction_id"]: body["score"] for body in _bodies(kafka, topics.scores)}
    expected = {str(row): prediction for row, prediction in enumerate(form.predictions)}
    assert scores == pytest.approx(expected, abs=1e-5, rel=0)
    alerts = {body["transaction_id"] for body in _bodies(kafka, topics.alerts)}
    assert alerts == {row for row, score in scores.items() if score >= 0.5}
    assert read_all(kafka, topics.dead_letters) == []


def _bodies(kafka: str, topic: str) -> list[dict[str, Any]]:
    return [orjson.loads(message.value() or b"") for message in read_all(kafka, topic)]
