"""The models that score: read from the manifest, and shown."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.common.settings import project_root
from ui.shell.texts import ENGLISH, RUSSIAN, Texts
from ui.threshold.models import ModelHistory, ModelStart, ScoringModel, ShadowComparison, current_model
from ui.threshold.render import models
from ui.threshold.texts import MODELS_TEXTS

EN = MODELS_TEXTS["en"]
STARTS = [
    ModelStart("b<2>", 0.41, datetime(2026, 11, 25, 12, 30, tzinfo=UTC)),
    ModelStart("a1", 0.5, datetime(2026, 11, 24, tzinfo=UTC)),
]
COMPARISON = ShadowComparison("b<2>", "c3", 1_000, 24, 10, 2, 3, -5.0, 20.0, 0.75, 0.02)


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


@pytest.mark.parametrize("texts", [RUSSIAN, ENGLISH])
def test_models_and_comparison_are_shown_in_both_languages(texts: Texts) -> None:
    """The latest model is the one in use; times are the reader's; what came from outside is escaped."""
    words = MODELS_TEXTS[texts.language]
    html = models(ModelHistory(STARTS, COMPARISON), texts, words, 180)
    assert f"b&lt;2&gt; <strong>({words.in_use})</strong>" in html
    assert "15:30" in html
    assert texts.numbers.percent(0.995) in html
    assert texts.numbers.decimal(-0.005, 4) in html
    assert texts.numbers.decimal(0.02, 4) in html
    assert words.cost_value.format(number=texts.numbers.decimal(20, 1)) in html
    assert "b<2>" not in html
    assert "<caption>" not in html, "the headings above say the same"
    for name in (words.heading, words.shadow_heading):
        assert f'<table aria-label="{name}">' in html


def test_without_a_shadow_a_model_or_a_database_a_sentence_says_so() -> None:
    """Never an empty card."""
    assert EN.shadow_none in models(ModelHistory(STARTS, None), ENGLISH, EN, 0)
    assert EN.none_yet in models(ModelHistory([], None), ENGLISH, EN, 0)
    assert EN.unavailable in models(None, ENGLISH, EN, 0)
