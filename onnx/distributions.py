"""Writes to a model's manifest how the training data is distributed: `python onnx/distributions.py DATA`.

Drift is measured against it. Training writes it too. The ONNX file, the threshold and the version stay, for it decides
no score. Data other than the model's is refused: the risks it teaches must be those of the contract.
"""

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # a script has its own folder on the path, services/ not

import numpy as np
from dataset import Labelled, training_data
from numpy.typing import NDArray

from services.common.errors import Stop
from services.common.manifest import Distribution, write_manifest
from services.scorer.event_time import SECONDS_A_DAY
from services.scorer.models.load import load_model
from services.scorer.operations.record import codes_of
from services.scorer.operations.registry import KnownTexts
from services.scorer.score import Model

FOLDER = Path(__file__).resolve().parent

AMOUNT_BINS = 10
SCORE_EDGES = (1e-4, 2e-4, 1e-3, 1e-2, 0.1, 0.5)
"""Six of seven scores are below 1e-4, where transactions leave the trees early: finer steps there tell little but
how long the customers have been known (PSI of undrifted transactions of new customers: 0.16 with five steps below
1e-4, else 0.06)."""

PAST_EDGES = (1, 4, 16, 64)
"""Earlier transactions of the customer: none, some, and from the last on as many as any."""


def main(arguments: list[str] | None = None) -> int:
    """Write the distributions from the command line and return the exit code: 0 done, 1 failed."""
    options = _parser().parse_args(arguments)
    try:
        write(options.data, options.model)
    except (Stop, OSError) as error:
        print(f"distributions: {error}", file=sys.stderr)
        return 1
    return 0


def write(path: Path, folder: Path) -> None:
    """Write the distributions of the model in a folder.

    Raises:
        Stop: the data is unfit, or not what the model was trained on.
        OSError: a file cannot be read or written.
    """
    add_distributions(folder, training_data(path, load_model(folder).plan.contract))


def add_distributions(folder: Path, data: Labelled) -> None:
    """Add to the manifest in a folder how the transactions, and the model's scores of them, are distributed."""
    model = load_model(folder)
    found = distributions(data.in_stream(model.plan), model)
    write_manifest(folder, model.manifest.model_copy(update={"distributions": found}))
    load_model(folder)
    print(f"{folder}: distributions of {', '.join(found)} over {len(data)} transactions")


def distributions(data: Labelled, model: Model) -> dict[str, Distribution]:
    """Return how scores and features are distributed in each hour of the day, of transactions in their stream.

    `past` is the number of a customer's earlier transactions; those of whom it is not known who pays are left out.
    """
    columns, category = data.columns, model.plan.contract.fields["cat_id"]
    hours = columns.seconds % SECONDS_A_DAY // 3600
    amounts = columns.numbers["amount"]
    deciles = np.unique(np.round(np.quantile(amounts, np.arange(1, AMOUNT_BINS) / AMOUNT_BINS), 2))
    texts = KnownTexts(columns.texts["cat_id"], category.codes, category.vocabulary)
    codes = codes_of(texts, unknown=len(category.values)).astype(np.int64)
    counts = (past for reading, past in columns.past.items() if (reading.operation, reading.within) == ("count", None))
    past = next(counts, np.full(len(data), np.nan))
    known = ~np.isnan(past)
    return {
        "score": _by_edges(model.score(model.features(columns)), SCORE_EDGES, hours),
        "amount": _by_edges(amounts, tuple(deciles.tolist()), hours),
        "category": Distribution(
            values=category.values, counts=_counts(codes, len(category.values) + 1, hours)
        ),
        "past": _by_edges(past[known], PAST_EDGES, hours[known]),
    }  # fmt: skip


def _by_edges(values: NDArray[np.float64], edges: tuple[float, ...], hours: NDArray[np.int64]) -> Distribution:
    bins = np.searchsorted(np.array(edges), values, side="right")
    return Distribution(edges=edges, counts=_counts(bins, len(edges) + 1, hours))


def _counts(bins: NDArray[np.int64], width: int, hours: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    """Return how many transactions each hour of the day has in each bin, [24][width]."""
    counts = np.bincount(hours * width + bins, minlength=24 * width).reshape(24, width)
    return tuple(map(tuple, counts.tolist()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="distributions", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA", help="the file the model was trained on")
    parser.add_argument("--model", type=Path, default=FOLDER, help="folder of the artifact (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
