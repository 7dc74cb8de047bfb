"""Payments at terminals, scored through the stream by a model of their own and a contract of 35 lines."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import orjson
import pytest
from sklearn.metrics import average_precision_score

from conftest import ROOT, Start, database_env, kafka_env
from services.common.settings import TopicSettings
from stack.servers import PostgresServer
from tests.support.families import terminals
from tests.support.topics import read_all


@pytest.mark.slow
def test_the_stream_gets_the_scores_that_lightgbm_gives(
    kafka: str, topics: TopicSettings, database: PostgresServer, start: Start, tmp_path: Path
) -> None:
    """Features of 1, 7 and 30 days included; on payments it was not trained on, the model is worth something."""
    written = terminals.write(tmp_path, customers=200, days=60)
    model = {"SCORER_MODEL_DIR": str(written.folder)}
    command = [sys.executable, "-m", "services.sender", str(written.sample)]
    env = kafka_env(kafka, topics) | database_env(database, "fraud_ui") | model  # which ids are taken is asked there
    subprocess.run(command, cwd=ROOT, env=os.environ | env, check=True, capture_output=True)
    scorer = start("scorer", "--until-empty", **model)
    assert scorer.finish() == 0, scorer.text()

    messages = (orjson.loads(message.value() or b"") for message in read_all(kafka, topics.scores))
    scores = {message["transaction_id"]: message["score"] for message in messages}
    found = np.array([scores[f"P{number}"] for number in range(len(written.predictions))])
    assert len(scores) == len(found)
    assert np.allclose(found, written.predictions, rtol=0, atol=1e-5)
    frauds = written.frauds[written.unseen]
    assert average_precision_score(frauds, found[written.unseen]) > 2 * frauds.mean()
