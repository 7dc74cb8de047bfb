"""Trains, validates and exports the model: `python onnx/train.py DATA` writes fraud.onnx and manifest.json.

Knows the learner and its parameters. Features come from the scorer's own code, figures from `validate`, files from
`export`. The same data gives the same bytes.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # a script has its own folder on the path, services/ not

import lightgbm
import numpy as np
from dataset import categories_by_fraud_amount, label, read_payments
from export import export
from numpy.typing import NDArray
from validate import SEED, validate

from services.common.errors import Stop
from services.scorer.decode import REQUIRED_FIELDS
from services.scorer.features import FEATURES
from services.scorer.manifest import Recipe

FOLDER = Path(__file__).resolve().parent

USED = ("hour", "weekday", "month", "amount", "category", "population", "gender")
"""The features of the shipped model, in column order."""

TREES = 150
PARAMETERS = {
    "objective": "binary",  # unweighted: class weights inflate the scores
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_sum_hessian_in_leaf": 5.0,  # one payment in 180 is a fraud: leaves of less evidence blow up
    "seed": SEED,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "verbosity": -1,
}
BLANK_SHARE = 0.02
"""Share of the optional values that is blanked for training, so that the model learns what to do without them."""

COMPARED_ROWS = 100_000
"""Rows on which ONNX Runtime must agree with LightGBM, blanks included."""


def main(arguments: list[str] | None = None) -> int:
    """Train from the command line and return the exit code: 0 done, 1 failed."""
    options = _parser().parse_args(arguments)
    try:
        train(options.data, options.out, options.features, options.trees)
    except (Stop, OSError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    return 0


def train(path: Path, out: Path, features: tuple[str, ...] = USED, trees: int = TREES) -> None:
    """Train on a file's payments and write the artifact and its model card to a folder.

    Raises:
        Stop: the data, or what became of it, is unfit.
        OSError: a file cannot be read or written.
    """
    frame = read_payments(path)
    recipe = Recipe(features=features, categories=categories_by_fraud_amount(frame))
    data = label(frame, recipe)
    print(f"{len(data)} payments, {data.frauds.sum()} frauds, {len(np.unique(data.customers))} customers")

    optional = optional_places(recipe)
    threshold, figures = validate(data, partial(learn_and_score, optional=optional, trees=trees))
    booster = fit(data.features, data.frauds, optional, trees)
    sample = blank(data.features[:COMPARED_ROWS], optional)
    manifest = export(booster, sample, recipe, threshold, figures, card=FOLDER / "MODEL_CARD.md", out=out)
    print(f"{manifest.version} in {out}, threshold {threshold}")
    for name in ("unseen_customers", "unseen_customers_later", "known_customers"):
        print(f"{name}: AP {figures[name]['average_precision']}, F1 {figures[name]['f1']}")


def fit(
    features: NDArray[np.float32], frauds: NDArray[np.bool_], optional: tuple[int, ...], trees: int
) -> lightgbm.Booster:
    """Return the trees trained on features, float32 [n, k], and frauds, bool [n].

    The features are float32 as in serving: a tree's threshold then falls between the values that both know.
    """
    dataset = lightgbm.Dataset(blank(features, optional), frauds.astype(np.int8), params={"verbosity": -1})
    return lightgbm.train(PARAMETERS, dataset, trees)


def learn_and_score(
    features: NDArray[np.float32],
    frauds: NDArray[np.bool_],
    others: NDArray[np.float32],
    optional: tuple[int, ...],
    trees: int,
) -> NDArray[np.float64]:
    """Return the scores that a model trained on some payments gives to others, float64 [m]."""
    return np.asarray(fit(features, frauds, optional, trees).predict(others), np.float64)


def blank(features: NDArray[np.float32], optional: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a copy of the features with a share of the optional columns' values replaced by NaN."""
    blanked = features.copy()
    random = np.random.default_rng(SEED)
    for place in optional:
        blanked[random.random(len(features)) < BLANK_SHARE, place] = np.nan
    return blanked


def optional_places(recipe: Recipe) -> tuple[int, ...]:
    """Return the places of the features that need a field which a payment may lack."""
    required = set(REQUIRED_FIELDS)
    return tuple(place for place, name in enumerate(recipe.features) if not required.issuperset(FEATURES[name].fields))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA", help="Parquet or CSV in the competition's format, labelled")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the artifact (default: %(default)s)")
    parser.add_argument("--features", type=_names, default=USED, help=f"default: {','.join(USED)}")
    parser.add_argument("--trees", type=int, default=TREES, help="default: %(default)s")
    return parser


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in FEATURES]:
        raise argparse.ArgumentTypeError(f"no such feature: {', '.join(unknown)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
