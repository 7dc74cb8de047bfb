"""`python -m services.tools.adopt MODEL SAMPLE OUT`: make a folder that the scorer serves of an ONNX model.

The first time a contract is drafted from the model's inputs and the columns of the sample. Mend it and run the command
again: a contract that is there is kept. Then start with SCORER_MODEL_DIR=OUT.
"""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from services.common.contract.model import CONTRACT_NAME
from services.common.errors import FraudError
from services.scorer.models.session import load_onnx
from services.tools.adopt.artifact import write_artifact
from services.tools.adopt.draft import draft, target_of
from services.tools.adopt.sample import Rows, describe, read_sample

YES, NO = frozenset(("1", "1.0", "true", "yes", "fraud")), frozenset(("0", "0.0", "false", "no", "legit"))


def main(arguments: list[str] | None = None) -> int:
    """Adopt a model from the command line; return the exit code: 0 done, 1 failed."""
    options = _parser().parse_args(arguments)
    try:
        adopt(options.model, options.sample, options.out, options.threshold)
    except (FraudError, OSError) as error:
        print(f"adopt: {error}", file=sys.stderr)
        return 1
    return 0


def adopt(model: Path, sample: Path, out: Path, threshold: float | None) -> None:
    """Write OUT: the ONNX file, a contract unless there is one, and the manifest; print what was guessed."""
    rows = read_sample(sample)
    out.mkdir(parents=True, exist_ok=True)
    if model.resolve() != (out / model.name).resolve():
        shutil.copyfile(model, out / model.name)
    contract = out / CONTRACT_NAME
    if contract.exists():
        print(f"{contract} is kept")
    else:
        _draft(out / model.name, rows, contract)
    target = target_of(rows[0])
    outcomes = [_outcome(row.get(target)) if target else None for row in rows]
    done = write_artifact(out, model.name, rows, outcomes, threshold)
    manifest = done.model.manifest
    quality = "" if done.f1 is None else f", F1 on the sample {done.f1:.3f}"
    print(f"{done.rows:,} of {len(rows):,} rows scored, {done.flagged:,} flagged from {manifest.threshold} on{quality}")
    if done.rejected:
        print(f"the others were rejected, the first because: {done.rejected}")
    print(f"{manifest.version} is ready: SCORER_MODEL_DIR={out} make up")


def _draft(model: Path, rows: Rows, contract: Path) -> None:
    inputs = load_onnx(model.read_bytes(), str(model)).get_inputs()
    shape = inputs[0].shape
    width = shape[1] if len(inputs) == 1 and len(shape) == 2 and isinstance(shape[1], int) else None
    drafted = draft(model.stem, [one.name for one in inputs], width, describe(rows))
    contract.write_text(drafted.text, encoding="utf-8")
    print(f"{contract} was drafted. Guessed:", *drafted.guessed, sep="\n  ")
    print("To decide, in that file:", *drafted.to_decide, sep="\n  ")


def _outcome(value: Any) -> bool | None:
    text = str(value).casefold()
    return True if text in YES else False if text in NO else None


def _threshold(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.tools.adopt", description=__doc__, allow_abbrev=False)
    parser.add_argument("model", type=Path, metavar="MODEL", help="the ONNX file")
    parser.add_argument("sample", type=Path, metavar="SAMPLE", help="rows as CSV with a header, or JSON lines")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to write")
    parser.add_argument("--threshold", type=_threshold, help="default: the best by a column of outcomes, or 0.5")
    return parser


if __name__ == "__main__":
    sys.exit(main())
