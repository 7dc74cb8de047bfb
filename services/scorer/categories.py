"""What was made of a batch's categories and genders: which were mended, which the model does not know. Pure but for
the counters.
"""

import re
from collections import Counter
from collections.abc import Mapping

from services.common.values import GENDERS, ValueRepair
from services.scorer import metrics
from services.scorer.decode import Columns
from services.scorer.manifest import Recipe

VALUES_TOLD = 20
"""Labels of a metric are kept for ever: so many values of a field that anybody can write."""
_NAME = re.compile(r"[^\W\d_](?:[^\W\d]|[ &/-]){0,39}")
"""Letters and what joins words: no number of a card or a person becomes a label by a producer's mistake."""
OTHER = "(other)"

_told: set[str] = set()


def mended_names(columns: Columns, recipe: Recipe) -> Counter[ValueRepair]:
    """Return how many categories and genders were read in another spelling than the model's or the contract's."""
    mends: Counter[ValueRepair] = Counter()
    for field, spellings, mend in (
        ("cat_id", recipe.spellings, ValueRepair.CATEGORY_SPELLING),
        ("gender", GENDERS, ValueRepair.GENDER_SPELLING),
    ):
        texts = columns.texts.get(field, ())
        if odd := set(texts) - spellings.known - {None}:
            mended = {text for text in odd if text and spellings.find(text)}
            mends[mend] += sum(text in mended for text in texts)
    return +mends


def unknown_categories(columns: Columns, recipe: Recipe) -> Counter[str]:
    """Return how many payments have which category that the model does not know."""
    texts = columns.texts["cat_id"]
    odd = {text for text in set(texts) - recipe.spellings.known if text and recipe.spellings.find(text) is None}
    return Counter(text for text in texts if text in odd) if odd else Counter()


def count(mended: Mapping[ValueRepair, int], unknown: Mapping[str, int]) -> None:
    """Count what was mended and what is unknown."""
    for mend, times in mended.items():
        metrics.MENDED.labels(mend.value).inc(times)
    metrics.UNKNOWN_CATEGORY.inc(sum(unknown.values()))
    for category, times in unknown.items():
        metrics.UNKNOWN_CATEGORY_VALUES.labels(_label(category)).inc(times)


def _label(category: str) -> str:
    if category in _told:
        return category
    if len(_told) >= VALUES_TOLD or not _NAME.fullmatch(category):
        return OTHER
    _told.add(category)
    return category
