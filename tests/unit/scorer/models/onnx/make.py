"""Makes the ONNX files beside it with exporters that this project does not install, and writes what these predict.

`python make.py` in a virtual environment with catboost, xgboost-cpu, onnxmltools, torch, onnxscript.
"""

import json
from pathlib import Path
from typing import Any

import catboost
import numpy as np
import torch
import xgboost
from numpy.typing import NDArray
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

Array = NDArray[Any]

FOLDER = Path(__file__).parent
ROWS = 20
SEED = 28


def main() -> None:
    """Train, export, predict."""
    random = np.random.default_rng(SEED)
    data = random.random((300, 3)).astype(np.float32)
    fraud = (data[:, 0] + 0.3 * data[:, 1] > 0.7).astype(int)
    asked = data[:ROWS]
    kinds = np.array(["chargeback", "ok", "stolen"])[np.digitize(data[:, 0], [0.3, 0.7])]
    predictions = {
        "catboost": _catboost("catboost", data, fraud).predict_proba(asked)[:, 1],
        "catboost_texts": _catboost("catboost_texts", data, kinds).predict_proba(asked)[:, 2],
        "xgboost": _xgboost(data, fraud, asked),
        "torch": _torch("torch", data, fraud, asked, is_free=True),
        "torch_one_row": _torch("torch_one_row", data, fraud, asked, is_free=False),
    }
    _torch_external()
    told = {name: [float(one) for one in scores] for name, scores in predictions.items()}
    text = json.dumps({"features": asked.tolist(), "predictions": told}, indent=1)
    (FOLDER / "predictions.json").write_text(f"{text}\n", encoding="utf-8")


def _catboost(name: str, data: Array, labels: Array) -> catboost.CatBoostClassifier:
    model = catboost.CatBoostClassifier(
        iterations=5, depth=2, verbose=0, thread_count=1, random_seed=SEED, allow_writing_files=False
    )
    model.fit(data, labels)
    model.save_model(str(FOLDER / f"{name}.onnx"), format="onnx")
    return model


def _xgboost(data: Array, labels: Array, asked: Array) -> Array:
    model = xgboost.XGBClassifier(n_estimators=5, max_depth=3, n_jobs=1, random_state=SEED).fit(data, labels)
    content = convert_xgboost(model, initial_types=[("features", FloatTensorType([None, 3]))]).SerializeToString()
    (FOLDER / "xgboost.onnx").write_bytes(content)
    predicted: Array = model.predict_proba(asked)[:, 1]
    return predicted


def _torch(name: str, data: Array, labels: Array, asked: Array, *, is_free: bool) -> Array:
    torch.manual_seed(SEED)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1), torch.nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    inputs, wanted = torch.tensor(data), torch.tensor(labels, dtype=torch.float32)[:, None]
    for _ in range(200):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy(model(inputs), wanted).backward()
        optimizer.step()
    shapes = ({0: torch.export.Dim("n")},) if is_free else None
    example = inputs[: 2 if is_free else 1]  # an example of one row would fix the batch
    program = torch.onnx.export(model, (example,), dynamo=True, dynamic_shapes=shapes, external_data=False)
    for node in program.model.graph:
        node.metadata_props.clear()  # paths of the machine
    program.save(str(FOLDER / f"{name}.onnx"), external_data=False)
    with torch.no_grad():
        predicted: Array = model(torch.tensor(asked)).numpy()[:, 0]
    return predicted


def _torch_external() -> None:
    """As torch.onnx.export does it by default, for weights that are not tiny."""
    path = FOLDER / "torch_external.onnx"
    model = torch.nn.Sequential(torch.nn.Linear(3, 200), torch.nn.Linear(200, 1), torch.nn.Sigmoid())
    program = torch.onnx.export(model, (torch.zeros(2, 3),), dynamo=True, dynamic_shapes=({0: torch.export.Dim("n")},))
    for node in program.model.graph:
        node.metadata_props.clear()
    program.save(str(path), external_data=True)
    path.with_suffix(".onnx.data").unlink()


if __name__ == "__main__":
    main()
