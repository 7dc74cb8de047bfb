"""What training writes beside the trees."""

import importlib

import pytest

from services.common.manifest import CURVE_NAME, Curve, read_manifest
from services.common.settings import project_root

FOLDER = project_root() / "onnx"


@pytest.mark.slow  # all that training needs is imported
def test_the_shipped_version_is_what_training_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same data gives the same name, in the curve and the card too."""
    monkeypatch.syspath_prepend(str(FOLDER))
    export = importlib.import_module("export")
    manifest = read_manifest(FOLDER)
    content = (FOLDER / manifest.model_file).read_bytes()
    version = export.version_of("lgbm", content, manifest.contract_sha256, manifest.threshold)
    assert manifest.version == version
    assert Curve.model_validate_json((FOLDER / CURVE_NAME).read_bytes()).version == version
    assert f"Version `{version}`" in (FOLDER / export.CARD_NAME).read_text(encoding="utf-8")
