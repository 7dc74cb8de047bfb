"""What the page tells of the models that score."""

from dataclasses import fields
from datetime import UTC, datetime

import pytest

from ui.shell.texts import ENGLISH as ENGLISH_TEXTS
from ui.shell.texts import RUSSIAN as RUSSIAN_TEXTS
from ui.shell.texts import Texts
from ui.threshold.models import Begun, Comparison, Models
from ui.threshold.models_card import told
from ui.threshold.models_texts import ENGLISH, MODELS_TEXTS

BEGUN = [
    Begun("b<2>", 0.41, datetime(2026, 11, 25, 12, 30, tzinfo=UTC)),
    Begun("a1", 0.5, datetime(2026, 11, 24, tzinfo=UTC)),
]
COMPARISON = Comparison("b<2>", "c3", 1_000, 24, 10, 2, 3, -5.0, 20.0, 0.75, 0.02)


@pytest.mark.parametrize("texts", [RUSSIAN_TEXTS, ENGLISH_TEXTS])
def test_models_and_comparison_are_told_in_both_languages(texts: Texts) -> None:
    """The latest model is the one in use; times are the reader's; what came from outside is escaped."""
    words = MODELS_TEXTS[texts.language]
    html = told(Models(BEGUN, COMPARISON), texts, words, 180)
    assert f"b&lt;2&gt; <strong>({words.in_use})</strong>" in html
    assert "15:30" in html
    assert texts.numbers.percent(0.995) in html
    assert texts.numbers.decimal(-0.005, 4) in html
    assert texts.numbers.decimal(0.02, 4) in html
    assert words.cost_value.format(number=texts.numbers.decimal(20, 1)) in html
    assert "b<2>" not in html


def test_without_a_shadow_a_model_or_a_database_a_sentence_says_so() -> None:
    """Never an empty card."""
    assert ENGLISH.shadow_none in told(Models(BEGUN, None), ENGLISH_TEXTS, ENGLISH, 0)
    assert ENGLISH.none_yet in told(Models([], None), ENGLISH_TEXTS, ENGLISH, 0)
    assert ENGLISH.away.split(":")[0] in told(None, ENGLISH_TEXTS, ENGLISH, 0)


def test_no_word_is_missing() -> None:
    """In either language."""
    assert all(getattr(words, field.name) for words in MODELS_TEXTS.values() for field in fields(words))
