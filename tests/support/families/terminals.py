"""A model of the handbook's payments: LightGBM on what the scorer makes of them, exported by onnxmltools."""

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from services.tools.adopt.__main__ import adopt
from tests.support.families import handbook

TRAINED_ON = 0.7
"""Share of the payments, the first ones; the last are new to the model, as its scores of the stream will be."""

THRESHOLD = 0.5
TREES = 60


@dataclass(frozen=True)
class Written:
    """A model folder, the payments as CSV, and what LightGBM says of each with its customer's past, float64 [n]."""

    folder: Path
    sample: Path
    predictions: NDArray[np.float64]
    frauds: NDArray[np.bool_]

    @property
    def unseen(self) -> slice:
        """Which payments the model was not trained on."""
        return slice(int(TRAINED_ON * len(self.frauds)), None)


def write(folder: Path, *, customers: int = 1_500, days: int = 60, seed: int = 4) -> Written:
    """Train, export and adopt."""
    payments = handbook.simulate(customers=customers, terminals=2 * customers, days=days, seed=seed)
    rows = payments.rows()
    ids = [f"P{number}" for number in range(len(rows))]
    features = handbook.features_of(rows, ids)
    known = int(TRAINED_ON * len(rows))
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 20, "seed": 1}
    data = lightgbm.Dataset(features[:known], payments.frauds[:known])
    booster = lightgbm.train(parameters, data, TREES)
    types = [("features", FloatTensorType([None, features.shape[1]]))]
    content = convert_lightgbm(booster, initial_types=types, zipmap=False, target_opset=15).SerializeToString()
    onnx_file, sample, out = folder / "terminals.onnx", folder / "payments.csv", folder / "terminals"
    onnx_file.write_bytes(content)
    with sample.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["TRANSACTION_ID", *handbook.FIELDS, "TX_FRAUD"])
        for name, row, fraud in zip(ids, rows, payments.frauds.tolist(), strict=True):
            writer.writerow([name, *row.values(), int(fraud)])
    out.mkdir()
    shutil.copyfile(handbook.CONTRACT, out / "contract.toml")
    adopt(onnx_file, sample, out, THRESHOLD)
    return Written(out, sample, np.asarray(booster.predict(features)), payments.frauds)
