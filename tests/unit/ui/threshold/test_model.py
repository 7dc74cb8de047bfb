"""What the page tells of the model."""

import os
from pathlib import Path

import pytest

from ui.threshold.models import ScoringModel, current_model


def test_version_and_threshold_are_read(tmp_path: Path) -> None:
    """The rest of the manifest is not the page's business."""
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"version": "7", "threshold": 0.37, "recipe": {}}')
    assert current_model(manifest) == ScoringModel("7", 0.37)


def test_a_new_manifest_is_noticed(tmp_path: Path) -> None:
    """A model swapped under the running page is told at the next refresh."""
    manifest = tmp_path / "manifest.json"
    for age, version in ((2, "7"), (1, "8")):
        manifest.write_text(f'{{"version": "{version}", "threshold": 0.37}}')
        os.utime(manifest, (1e9 - age, 1e9 - age))
        assert current_model(manifest) == ScoringModel(version, 0.37)


@pytest.mark.parametrize(
    "content",
    [
        None, "", "[1]", '{"version": "7"}', '{"version": "7", "threshold": "x"}',
        '{"version": "7", "threshold": NaN}', '{"version": "7", "threshold": 41}',
    ],
)  # fmt: skip
def test_an_unreadable_manifest_is_no_model(tmp_path: Path, content: str | None) -> None:
    """The page works without: it then shows no threshold."""
    manifest = tmp_path / "manifest.json"
    if content is not None:
        manifest.write_text(content)
    assert current_model(manifest) is None
