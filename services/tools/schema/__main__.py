"""`python -m services.tools.schema [FOLDER]`: print the JSON Schema of the input topic, by a model's contract."""

import argparse
import json
import sys
from pathlib import Path

from services.common.contract.load import read_contract
from services.common.contract.schema import message_schema
from services.common.errors import FraudError
from services.common.settings import ModelFolder


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.tools.schema", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="of contract.toml; SCORER_MODEL_DIR")
    options = parser.parse_args(arguments)
    try:
        contract = read_contract(options.folder or ModelFolder.read().scorer_model_dir)
    except FraudError as error:
        print(f"schema: {error}", file=sys.stderr)
        return 1
    print(json.dumps(message_schema(contract), indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
