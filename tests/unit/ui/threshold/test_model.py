"""What the page tells of the model."""

import json
import os
from pathlib import Path

import pytest

from services.common.settings import project_root
from ui.threshold.models import ScoringModel, current_model


def test_a_new_manifest_is_noticed(tmp_path: Path) -> None:
    """A model swapped under the running page is shown at the next refresh."""
    manifest, shipped = tmp_path / "manifest.json", json.loads((project_root() / "onnx" / "manifest.json").read_bytes())
    for age, version in ((2, "7"), (1, "8")):
        manifest.write_text(json.dumps(shipped | {"version": version, "threshold": 0.37}))
        os.utime(manifest, (1e9 - age, 1e9 - age))
        assert current_model(manifest) == ScoringModel(version, 0.37)


@pytest.mark.parametrize("content", [None, "", "[1]", '{"version": "7", "threshold": 0.37}'])
def test_an_unreadable_manifest_is_no_model(tmp_path: Path, content: str | None) -> None:
    """The page works without: it then shows no threshold."""
    manifest = tmp_path / "manifest.json"
    if content is not None:
        manifest.write_text(content)
    assert current_model(manifest) is None
