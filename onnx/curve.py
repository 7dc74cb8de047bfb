"""Writes curve.json for a model that has none: `python onnx/curve.py DATA`, with the data it was trained on.

Training writes the file too. This takes one model instead of all that validation needs, and refuses data or parameters
other than the manifest's: the curve must give the manifest's own figures at its threshold.
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))  # a script has its own folder on the path, services/ not

from dataset import label, read_transactions
from export import write_curve
from train import FOLDER, TREES, learn
from validate import CURVE_OF, validate_curve

from services.common.errors import Stop
from services.common.manifest import CURVE_NAME, Manifest
from services.scorer.models.load import load_model

TOLERANCE = 0.0005
"""The manifest's figures have four decimals; other versions of the learner differ a little."""


def main(arguments: list[str] | None = None) -> int:
    """Write the curve from the command line and return the exit code: 0 done, 1 failed."""
    options = _parser().parse_args(arguments)
    try:
        write(options.data, options.model, options.trees)
    except (Stop, OSError) as error:
        print(f"curve: {error}", file=sys.stderr)
        return 1
    return 0


def write(path: Path, model: Path, trees: int = TREES) -> None:
    """Write the curve of the model in a folder.

    Raises:
        Stop: the data is unfit, or not what the model was trained on.
        OSError: a file cannot be read or written.
    """
    loaded = load_model(model)
    manifest, contract = loaded.manifest, loaded.plan.contract
    data = label(read_transactions(path, contract), contract)
    curve = validate_curve(data, partial(learn, contract=contract, trees=trees))
    check(curve, manifest)
    write_curve(model, manifest.version, curve)
    print(f"{model / CURVE_NAME}: {curve['payments']} transactions, {curve['frauds']} frauds")


def check(curve: dict[str, Any], manifest: Manifest) -> None:
    """Raise Stop unless the curve gives the manifest's precision and recall at its threshold."""
    place = curve["thresholds"].index(manifest.threshold)
    alerts, caught = curve["alerts"][place], curve["caught"][place]
    found = {"precision": caught / max(1, alerts), "recall": caught / curve["frauds"]}
    for name, value in found.items():
        wanted = manifest.figures[CURVE_OF][name]
        if abs(value - wanted) > TOLERANCE:
            raise Stop(f"{name} is {value:.4f}, in the manifest {wanted}: other data or parameters than the model's")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="curve", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA", help="the file the model was trained on")
    parser.add_argument("--model", type=Path, default=FOLDER, help="folder of the artifact (default: %(default)s)")
    parser.add_argument("--trees", type=int, default=TREES, help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
