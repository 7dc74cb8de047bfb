"""Trains, validates and exports the model: `python onnx/train.py DATA` writes fraud.onnx, manifest.json and curve.json.

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
from dataset import Labelled, categories_by_fraud_amount, label, learn_risks, read_payments
from export import export, write_curve
from numpy.typing import NDArray
from references import references
from validate import SEED, SITUATIONS, Scorer, validate

from services.common.contract import CUSTOMER_FIELDS
from services.common.errors import Stop
from services.scorer.decode import REQUIRED_FIELDS
from services.scorer.features import FEATURES, to_features
from services.scorer.history import PAST
from services.scorer.manifest import Recipe

FOLDER = Path(__file__).resolve().parent

USED = ("hour", "weekday", "month", "amount", "category", "population", "gender", *PAST)
"""The features of the shipped model, in column order."""

TREES = 300
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
THIN = 3
"""Streams that the payments are dealt to, so that the model learns what a past with gaps is worth."""

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

    threshold, figures, curve = validate(data, partial(learn, recipe=recipe, trees=trees))
    recipe = with_risk_table(recipe, data)
    matrix, frauds = lessons(data.with_risks(recipe), recipe)
    booster = fit(matrix, frauds, trees)
    sample = matrix[:: max(1, len(matrix) // COMPARED_ROWS)]
    usual = references(data.with_risks(recipe), recipe)
    manifest = export(booster, sample, recipe, threshold, usual, figures, card=FOLDER / "MODEL_CARD.md", out=out)
    write_curve(out, manifest.version, curve)
    print(f"{manifest.version} in {out}, threshold {threshold}")
    for name in SITUATIONS:
        print(f"{name}: AP {figures[name]['average_precision']}, F1 {figures[name]['f1']}")


def learn(part: Labelled, recipe: Recipe, trees: int) -> Scorer:
    """Return what a part of the payments teaches: the risk table and the trees."""
    recipe = with_risk_table(recipe, part)
    booster = fit(*lessons(part.with_risks(recipe), recipe), trees)
    return Scorer(
        prepare=lambda payments: payments.with_risks(recipe),
        score=lambda payments: np.asarray(booster.predict(to_features(payments.columns, recipe)), np.float64),
    )


def with_risk_table(recipe: Recipe, data: Labelled) -> Recipe:
    """Return the recipe with a risk table learned from payments."""
    return recipe.model_copy(update={"risk": learn_risks(data, recipe)})


def lessons(data: Labelled, recipe: Recipe) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return what the model is trained on: features, float32 [m, k], and frauds, bool [m].

    Every payment occurs three times: with the past of the whole stream, with that of a third of it, and without one,
    half of these as the first payment of a customer. A model of the first alone takes a short past for a quiet
    customer, and no past for something it never saw.
    """
    deal = np.random.default_rng(SEED).integers(0, THIN, len(data))
    thinned = [data.take(deal == part).in_stream() for part in range(THIN)]
    odd = np.arange(len(data)) % 2 == 1
    copies = [data.in_stream(), *thinned, data.take(odd), data.take(~odd).as_first_ones()]
    features = np.concatenate([to_features(copy.columns, recipe) for copy in copies])
    return blank(features, optional_places(recipe)), np.concatenate([copy.frauds for copy in copies])


def fit(features: NDArray[np.float32], frauds: NDArray[np.bool_], trees: int) -> lightgbm.Booster:
    """Return the trees trained on features, float32 [m, k], and frauds, bool [m].

    The features are float32 as in serving: a tree's threshold then falls between the values that both know.
    """
    dataset = lightgbm.Dataset(features, frauds.astype(np.int8), params={"verbosity": -1})
    return lightgbm.train(PARAMETERS, dataset, trees)


def blank(features: NDArray[np.float32], optional: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a copy of the features with a share of the optional columns' values replaced by NaN."""
    blanked = features.copy()
    random = np.random.default_rng(SEED)
    for place in optional:
        blanked[random.random(len(features)) < BLANK_SHARE, place] = np.nan
    return blanked


def optional_places(recipe: Recipe) -> tuple[int, ...]:
    """Return the places of the features that need a field which a payment may lack, besides those of the past.

    A past is there or not as a whole.
    """
    present = {*REQUIRED_FIELDS, *CUSTOMER_FIELDS}
    return tuple(place for place, name in enumerate(recipe.features) if not present.issuperset(FEATURES[name].fields))


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
