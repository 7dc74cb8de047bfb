"""Writes the manifest of a model folder: hashes, threshold, golden rows, usual values and the scores' distribution."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from services.common.contract.load import read_contract
from services.common.errors import Stop
from services.common.manifest import GoldenRow, Manifest, write_manifest
from services.scorer.compile import compile_features
from services.scorer.decode import Decoder
from services.scorer.explain import as_written
from services.scorer.models.load import load_model
from services.scorer.models.session import open_session
from services.scorer.score import Model, score_bisecting
from services.tools.adopt.sample import Rows

GOLDEN_ROWS = 16
THRESHOLD = 0.5
_THRESHOLDS = np.arange(1, 100) / 100


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was written.

    Attributes:
        model: as the scorer loads it.
        rows: of the sample that were scored.
        flagged: of these, from the threshold on.
        rejected: why the first of the others was refused, if any was.
        f1: at the threshold, if outcomes were given.
    """

    model: Model
    rows: int
    flagged: int
    rejected: str
    f1: float | None


def write_artifact(
    folder: Path,
    model_file: str,
    rows: Rows,
    outcomes: Sequence[bool | None],
    threshold: float | None,
) -> Adopted:
    """Write manifest.json beside contract and ONNX file, and load the folder as the scorer does.

    Args:
        folder: of both files.
        model_file: name of the ONNX file.
        rows: of the sample, column -> value.
        outcomes: whether each is a fraud, None where it is not known.
        threshold: fraud_flag = 1 where score >= threshold; None: the hundredth with the best F1, or 0.5.

    Raises:
        Stop: the scorer refuses the folder, or none of the rows can be decoded.
    """
    contract, content = read_contract(folder), (folder / model_file).read_bytes()
    rows = [{name: value for name, value in row.items() if name in contract.fields} for row in rows]
    plan = compile_features(contract)
    sha256 = hashlib.sha256(content).hexdigest()
    manifest = Manifest(
        version=f"{folder.name[:40]}-{hashlib.sha256((sha256 + contract.sha256).encode()).hexdigest()[:12]}",
        model_file=model_file,
        sha256=sha256,
        threshold=THRESHOLD,
        contract_sha256=contract.sha256,
        golden=(GoldenRow(transaction={}, features=(), score=0),),
    )
    session = open_session(content, plan, str(folder / model_file))
    model = Model(manifest, plan, session, Decoder(contract, plan.fields))
    values = [orjson.dumps({contract.record.payload: row}) for row in rows]
    columns, rejects = model.decoder.decode(values, str)
    if not len(columns):
        raise Stop(f"no row of the sample can be decoded, the first because: {rejects[min(rejects)]}")
    features = model.features(columns)
    scores = score_bisecting(model, features)
    found = np.array([outcomes[row] is True for row in columns.rows.tolist()])
    known = np.array([outcomes[row] is not None for row in columns.rows.tolist()]) & np.isfinite(scores)
    best = _best_threshold(scores[known], found[known]) if found[known].any() else THRESHOLD
    chosen = threshold or best
    written = as_written(features)
    golden = _golden(rows, columns.rows, written, scores)
    usual = {name: _usual(column) for name, column in zip(plan.names, zip(*written, strict=True), strict=True)}
    manifest = manifest.model_copy(update={"threshold": chosen, "golden": golden, "references": usual})
    write_manifest(folder, manifest)
    flags = scores >= chosen
    f1 = _f1(scores[known], found[known], chosen) if found[known].any() else None
    reason = str(rejects[min(rejects)]) if rejects else ""
    return Adopted(load_model(folder), len(columns), int(flags.sum()), reason, f1)


def _golden(
    rows: Rows,
    places: NDArray[np.int64],
    features: Sequence[Sequence[float | str | None]],
    scores: NDArray[np.float64],
) -> tuple[GoldenRow, ...]:
    """Return rows spread over the scores, the one of the median first: the trial takes it for an ordinary one."""
    order = np.argsort(scores, kind="stable")
    order = order[np.isfinite(scores[order])]
    median = len(order) // 2
    spread = np.linspace(0, len(order) - 1, min(GOLDEN_ROWS - 1, len(order))).astype(int)
    chosen = dict.fromkeys([median, *spread.tolist()])
    return tuple(
        GoldenRow(transaction=rows[int(places[one])], features=tuple(features[one]), score=float(scores[one]))
        for one in order[list(chosen)].tolist()
    )


def _usual(values: Sequence[float | str | None]) -> float | str | None:
    """Return the lower median of numbers, the most frequent one of texts; None if all are missing."""
    texts = Counter(value for value in values if isinstance(value, str))
    if texts:
        return texts.most_common(1)[0][0]
    numbers = sorted(value for value in values if isinstance(value, float | int))
    return numbers[(len(numbers) - 1) // 2] if numbers else None


def _best_threshold(scores: NDArray[np.float64], frauds: NDArray[np.bool_]) -> float:
    """Return the hundredth with the highest F1, the lowest of equals."""
    return float(_THRESHOLDS[np.argmax([_f1(scores, frauds, threshold) for threshold in _THRESHOLDS])])


def _f1(scores: NDArray[np.float64], frauds: NDArray[np.bool_], threshold: float) -> float:
    flags = scores >= threshold
    return float(2 * (frauds & flags).sum() / max(1, frauds.sum() + flags.sum()))
