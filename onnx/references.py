"""Writes the references of a model that has none to its manifest: `python onnx/references.py DATA`, the training data.

Training writes them too. The ONNX file, the threshold and the version stay: references decide reasons, not scores. Data
other than the model's is refused: the risks it teaches must be those of the contract.
"""

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # a script has its own folder on the path, services/ not

import numpy as np
from dataset import Labelled, training_data
from numpy.typing import NDArray

from services.common.errors import Stop
from services.common.manifest import write_manifest
from services.scorer.features import FeaturePlan
from services.scorer.models.load import load_model

FOLDER = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> int:
    """Write the references from the command line and return the exit code: 0 done, 1 failed."""
    options = _parser().parse_args(arguments)
    try:
        write(options.data, options.model)
    except (Stop, OSError) as error:
        print(f"references: {error}", file=sys.stderr)
        return 1
    return 0


def write(path: Path, model: Path) -> None:
    """Write the references of the model in a folder.

    Raises:
        Stop: the data is unfit, or not what the model was trained on.
        OSError: a file cannot be read or written.
    """
    loaded = load_model(model)
    found = references(training_data(path, loaded.plan.contract), loaded.plan)
    write_manifest(model, loaded.manifest.model_copy(update={"references": found}))
    load_model(model)
    print(f"{model}: " + ", ".join(f"{name} {value}" for name, value in found.items()))


def references(data: Labelled, plan: FeaturePlan) -> dict[str, float | None]:
    """Return what each feature usually is: its median over the legitimate transactions, seen in their stream.

    It is always a value that occurs. A feature that is missing in all of them has None.
    """
    features = plan.to_features(data.in_stream(plan).columns)[~data.frauds].astype(np.float64)
    return {name: _median(column[~np.isnan(column)]) for name, column in zip(plan.names, features.T, strict=True)}


def _median(values: NDArray[np.float64]) -> float | None:
    """Return the lower median of float32 values, in the shortest form that is this float32 again."""
    if not len(values):
        return None
    return float(str(np.float32(np.quantile(values, 0.5, method="inverted_cdf"))))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="references", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA", help="the file the model was trained on")
    parser.add_argument("--model", type=Path, default=FOLDER, help="folder of the artifact (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
