"""Trains, validates and exports a model: `python onnx/train.py DATA` writes the whole folder that the scorer serves.

Knows the learner and its parameters. The features are those of a contract, which a person wrote; figures come from
`validate`, files from `export`. The same data gives the same bytes.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # a script has its own folder on the path, services/ not

import lightgbm
import numpy as np
from dataset import RISK_FILE, Labelled, label, read_transactions, with_labels, with_risks, with_table
from distributions import add_distributions
from export import Trees, export, predict, write_curve
from measures import SEED
from numpy.typing import NDArray
from references import references
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from validate import SITUATIONS, Scorer, validate

from services.common.contract.load import read_contract
from services.common.contract.model import CONTRACT_NAME, Contract
from services.common.errors import Stop
from services.scorer.compile import compile_features
from services.scorer.features import Expression, FeaturePlan

FOLDER = Path(__file__).resolve().parent

TREES = 300
PARAMETERS = {
    "objective": "binary",  # unweighted: class weights inflate the scores
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_sum_hessian_in_leaf": 5.0,  # one transaction in 180 is a fraud: leaves of less evidence blow up
    "seed": SEED,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "verbosity": -1,
}
LEAVES_OF_THE_FOREST = 512

THIN = 3
"""Streams that the transactions are dealt to, so that the model learns what a past with gaps is worth."""

BLANK_SHARE = 0.02
"""Share of the optional values that is blanked for training, so that the model learns what to do without them."""

COMPARED_ROWS = 100_000
"""Rows on which ONNX Runtime must agree with LightGBM, blanks included."""


def main(arguments: list[str] | None = None) -> int:
    """Train from the command line and return the exit code: 0 done, 1 failed."""
    options = _parser().parse_args(arguments)
    try:
        train(
            options.data,
            options.out,
            options.contract,
            options.trees,
            options.learner,
            options.risks_of,
            options.labels,
        )
    except (Stop, OSError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    return 0


def train(
    path: Path,
    out: Path,
    contract_file: Path = FOLDER / CONTRACT_NAME,
    trees: int = TREES,
    learner: str = "lightgbm",
    risks_of: Path | None = None,
    labels: Path | None = None,
) -> None:
    """Train on a file's transactions and write the artifact and its model card to a folder.

    Those of `labels`, which `make labels` writes, are trained on and validated with beside them.

    A model that is to take over from another one while scorers run must know the risks that they remember: `risks_of`
    names the other one's folder. Its table is then kept, in validation too.

    Raises:
        Stop: the contract, the data, or what became of it, is unfit.
        OSError: a file cannot be read or written.
    """
    contract, keep_risks = read_contract(contract_file.parent), risks_of is not None
    if risks_of:
        contract = with_table(contract, read_contract(risks_of).tables[RISK_FILE])
    transactions = read_transactions(path, contract)
    if labels:
        transactions = with_labels(transactions, labels, contract)
    data = label(transactions, contract)
    print(f"{len(data)} transactions, {data.frauds.sum()} frauds, {len(np.unique(data.customers))} customers")

    way = partial(learn, contract=contract, trees=trees, learner=learner, keep_risks=keep_risks)
    found = validate(data, way)
    plan = compile_features(contract if keep_risks else with_risks(contract, data))
    matrix, frauds = lessons(data, plan)
    trained = FITS[learner](matrix, frauds, trees)
    sample = matrix[:: max(1, len(matrix) // COMPARED_ROWS)]
    usual, written, card = references(data, plan), contract_file.read_bytes(), FOLDER / "MODEL_CARD.md"
    manifest = export(
        trained, sample, plan, written, found.threshold, usual, found.figures, found.calibration, card, out
    )
    write_curve(out, manifest.version, found.curve)
    add_distributions(out, data)
    print(f"{manifest.version} in {out}, threshold {manifest.threshold}")
    for name in SITUATIONS:
        print(f"{name}: AP {found.figures[name]['average_precision']}, F1 {found.figures[name]['f1']}")


def learn(
    part: Labelled, contract: Contract, trees: int, learner: str = "lightgbm", *, keep_risks: bool = False
) -> Scorer:
    """Return what a part of the transactions teaches: the risk table, unless it is kept, and the trees."""
    plan = compile_features(contract if keep_risks else with_risks(contract, part))
    trained = FITS[learner](*lessons(part, plan), trees)
    return Scorer(plan, lambda transactions: predict(trained, plan.to_features(transactions.columns)))


def lessons(data: Labelled, plan: FeaturePlan) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return what the model is trained on: features, float32 [m, k], and frauds, bool [m].

    Every transaction occurs three times: with the past of the whole stream, with that of a third, and without one,
    half of these as the first transaction of a customer. A model of the first alone takes a short past for a quiet
    customer, and no past for something it never saw.
    """
    deal = np.random.default_rng(SEED).integers(0, THIN, len(data))
    thinned = [data.take(deal == part).in_stream(plan) for part in range(THIN)]
    odd = np.arange(len(data)) % 2 == 1
    copies = [data.in_stream(plan), *thinned, data.take(odd), data.take(~odd).as_first_ones(plan)]
    features = np.concatenate([plan.to_features(copy.columns) for copy in copies])
    return blank(features, optional_places(plan)), np.concatenate([copy.frauds for copy in copies])


def fit(features: NDArray[np.float32], frauds: NDArray[np.bool_], trees: int) -> lightgbm.Booster:
    """Return the trees trained on features, float32 [m, k], and frauds, bool [m].

    The features are float32 as in serving: a tree's threshold then falls between the values that both know.
    """
    dataset = lightgbm.Dataset(features, frauds.astype(np.int8), params={"verbosity": -1})
    return lightgbm.train(PARAMETERS, dataset, trees)


def fit_forest(features: NDArray[np.float32], frauds: NDArray[np.bool_], trees: int) -> Trees:
    """Return scikit-learn's random forest, trained likewise; a missing value is -1 to it, inside the ONNX graph too."""
    forest = RandomForestClassifier(
        trees, max_leaf_nodes=LEAVES_OF_THE_FOREST, min_samples_leaf=5, n_jobs=2, random_state=SEED
    )
    filled = SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True)
    return make_pipeline(filled, forest).fit(features, frauds)


FITS: dict[str, Callable[[NDArray[np.float32], NDArray[np.bool_], int], Trees]] = {
    "lightgbm": fit,
    "forest": fit_forest,
}
"""The families of models, by the name of their learner."""


def blank(features: NDArray[np.float32], optional: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a copy of the features with a share of the optional columns' values replaced by NaN."""
    blanked = features.copy()
    random = np.random.default_rng(SEED)
    for place in optional:
        blanked[random.random(len(features)) < BLANK_SHARE, place] = np.nan
    return blanked


def optional_places(plan: FeaturePlan) -> tuple[int, ...]:
    """Return the places of the features that need a field which a transaction may lack, besides those of the past.

    A past is there or not as a whole.
    """
    present = frozenset(plan.contract.required)
    return tuple(
        place for place, one in enumerate(plan.columns) if isinstance(one, Expression) and not one.fields <= present
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA", help="Parquet or CSV: the contract's fields and `target`")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="more of the same form: what make labels wrote")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the artifact (default: %(default)s)")
    parser.add_argument(
        "--contract", type=_contract, default=FOLDER / CONTRACT_NAME, help="its table gives the axes of the new one"
    )
    parser.add_argument("--learner", choices=FITS, default="lightgbm", help="or scikit-learn's random forest")
    parser.add_argument(
        "--risks-of", type=Path, metavar="FOLDER", help="keep the risk table of this model: it can be swapped in live"
    )
    parser.add_argument("--trees", type=int, default=TREES, help="default: %(default)s")
    return parser


def _contract(text: str) -> Path:
    if Path(text).name != CONTRACT_NAME:
        raise argparse.ArgumentTypeError(f"the file must be called {CONTRACT_NAME}")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())
