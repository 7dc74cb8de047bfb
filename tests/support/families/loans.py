"""Consumer loans: numbers and texts, no key, no time; a scikit-learn pipeline with an input a column, by skl2onnx."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NUMBERS, TEXTS = ["income", "amount", "term"], ["purpose", "employer"]
PURPOSES, EMPLOYERS = ["car", "home", "travel"], ["Acme", "Umbrella", "Initech", "Hooli"]


def write(folder: Path, rows: int = 400, seed: int = 5) -> tuple[Path, Path, list[float]]:
    """Write an ONNX file, and loans with their outcomes as CSV; return both and what scikit-learn predicts."""
    frame = _frame(rows, seed)
    outcomes = (frame["amount"] / frame["income"] + (frame["purpose"] == "travel") > 1.1).astype(int)
    columns = ColumnTransformer(
        [("n", StandardScaler(), NUMBERS), ("t", OneHotEncoder(handle_unknown="ignore"), TEXTS)]
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(frame, outcomes)
    inputs = [(name, FloatTensorType([None, 1])) for name in NUMBERS]
    inputs += [(name, StringTensorType([None, 1])) for name in TEXTS]
    onnx_file, sample = folder / "loans.onnx", folder / "rows.csv"
    onnx_file.write_bytes(convert_sklearn(model, initial_types=inputs).SerializeToString())
    with sample.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["loan_id", *frame.columns, "target"])
        cells: Any = zip(frame.itertuples(index=False), outcomes, strict=True)
        writer.writerows([f"L{number}", *row, outcome] for number, (row, outcome) in enumerate(cells))
    return onnx_file, sample, model.predict_proba(frame)[:, 1].tolist()


def _frame(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "income": np.round(random.uniform(800, 9_000, rows), 2),
            "amount": np.round(random.uniform(500, 9_000, rows), 2),
            "term": random.integers(6, 72, rows).astype(float),
            "purpose": random.choice(PURPOSES, rows),
            "employer": random.choice(EMPLOYERS, rows),
        }
    )
