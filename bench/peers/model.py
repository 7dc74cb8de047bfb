"""The model as a peer uses it: features of one payment alone, in plain Python, and ONNX Runtime on one thread."""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

NAN = math.nan
KNOWN = frozenset({"hour", "weekday", "month", "amount", "category", "population", "gender"})
"""The features that a payment alone tells."""

GENDERS = {"F": 0.0, "M": 1.0}
DECIMALS = 6


class Model:
    """The ONNX file, its threshold and its recipe; what the recipe wants of a customer's past is NaN."""

    def __init__(self, folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a row or a few hundred: threads cost more
        path = str(folder / manifest["model_file"])
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[-1].name
        self._threshold: float = manifest["threshold"]
        self.features: list[str] = manifest["recipe"]["features"]
        self.categories = {name: float(code) for code, name in enumerate(manifest["recipe"]["categories"])}
        self._without_past = [NAN] * len(self.features)
        self._places = [(place, name) for place, name in enumerate(self.features) if name in KNOWN]

    def to_row(self, payment: Mapping[str, Any]) -> list[float]:
        """Return the features of a payment, in the recipe's order."""
        row, known = self._without_past.copy(), self._known(payment)
        for place, name in self._places:
            row[place] = known[name]
        return row

    def score(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """Return the probability of fraud of each row."""
        matrix = np.array(rows, np.float32)
        probabilities = self._session.run([self._output], {self._input: matrix})[0]
        column: list[float] = probabilities.reshape(len(rows), -1)[:, -1].tolist()
        return column

    def result(self, transaction_id: str, probability: float) -> dict[str, Any]:
        """Return a message of the topic of scores."""
        score = round(probability, DECIMALS)
        return {"transaction_id": transaction_id, "score": score, "fraud_flag": int(score >= self._threshold)}

    def _known(self, payment: Mapping[str, Any]) -> dict[str, float]:
        time, population = payment["transaction_time"], payment.get("population_city")
        return {
            "hour": float(time[11:13]),
            "weekday": float(date.fromisoformat(time[:10]).weekday()),
            "month": float(time[5:7]),
            "amount": payment["amount"],
            "category": self.categories.get(payment["cat_id"], -1.0),
            "population": NAN if population is None else population,
            "gender": GENDERS.get(payment.get("gender", ""), NAN),
        }


def open_message(message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return id and fields of a payment in either form that producers use."""
    return message["transaction_id"], message.get("data", message)


def parse_arguments(description: str | None) -> argparse.Namespace:
    """Return what every peer is told: --brokers, --source, --target, --group, --model, --state, --guarantee."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--brokers", required=True, help="host:port of Kafka")
    parser.add_argument("--source", required=True, help="topic of the payments")
    parser.add_argument("--target", required=True, help="topic of the scores")
    parser.add_argument("--group", required=True, help="a consumer group that nobody used before")
    parser.add_argument("--model", required=True, type=Path, help="folder of manifest.json and the ONNX file")
    parser.add_argument("--state", required=True, type=Path, help="folder for what the peer keeps on disk")
    parser.add_argument("--guarantee", default="at-least-once", choices=["at-least-once", "exactly-once"])
    return parser.parse_args()
