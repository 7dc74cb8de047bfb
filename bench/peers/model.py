"""The model as peers use it: features of a transaction without history, in plain Python, and ONNX Runtime."""

import argparse
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

NAN = math.nan
OWN_FEATURES = frozenset({"hour", "weekday", "month", "amount", "category", "population", "gender"})
"""The features that need no history."""

GENDERS = {"F": 0.0, "M": 1.0}
DECIMALS = 6


class Model:
    """The ONNX file, its threshold and its contract; features of the customer's history are NaN."""

    def __init__(self, folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # more threads cost more than they gain
        path = str(folder / manifest["model_file"])
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[-1].name
        self._threshold: float = manifest["threshold"]
        contract = tomllib.loads((folder / "contract.toml").read_text(encoding="utf-8"))
        self.features = list(contract["features"])
        self.categories = {name: float(code) for code, name in enumerate(contract["fields"]["cat_id"]["values"])}
        self._empty_row = [NAN] * len(self.features)
        self._columns = [(column, name) for column, name in enumerate(self.features) if name in OWN_FEATURES]

    def to_row(self, transaction: Mapping[str, Any]) -> list[float]:
        """Return the features of a transaction, in the contract's order."""
        row, values = self._empty_row.copy(), self._own_features(transaction)
        for column, name in self._columns:
            row[column] = values[name]
        return row

    def score(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """Return the probability of fraud of each row."""
        matrix = np.array(rows, np.float32)
        probabilities = self._session.run([self._output], {self._input: matrix})[0]
        fraud: list[float] = probabilities.reshape(len(rows), -1)[:, -1].tolist()
        return fraud

    def result(self, transaction_id: str, probability: float) -> dict[str, Any]:
        """Return a message of the topic `scores`."""
        score = round(probability, DECIMALS)
        return {"transaction_id": transaction_id, "score": score, "fraud_flag": int(score >= self._threshold)}

    def _own_features(self, transaction: Mapping[str, Any]) -> dict[str, float]:
        time, population = transaction["transaction_time"], transaction.get("population_city")
        return {
            "hour": float(time[11:13]),
            "weekday": float(date.fromisoformat(time[:10]).weekday()),
            "month": float(time[5:7]),
            "amount": transaction["amount"],
            "category": self.categories.get(transaction["cat_id"], -1.0),
            "population": NAN if population is None else population,
            "gender": GENDERS.get(transaction.get("gender", ""), NAN),
        }


def open_message(message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return id and fields of a transaction in either form that producers use, nested or flat."""
    return message["transaction_id"], message.get("data", message)


def parse_arguments(description: str | None) -> argparse.Namespace:
    """Return the options of every peer: --brokers, --source, --target, --group, --model, --state, --guarantee."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--brokers", required=True, help="host:port of Kafka")
    parser.add_argument("--source", required=True, help="topic of the transactions")
    parser.add_argument("--target", required=True, help="topic of the scores")
    parser.add_argument("--group", required=True, help="a new consumer group")
    parser.add_argument("--model", required=True, type=Path, help="folder of manifest.json and the ONNX file")
    parser.add_argument("--state", required=True, type=Path, help="folder for the state of the peer")
    parser.add_argument("--guarantee", default="at-least-once", choices=["at-least-once", "exactly-once"])
    return parser.parse_args()
