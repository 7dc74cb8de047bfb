"""How likely a payment is a fraud by itself: a table by category, day or night, and amount. Pure numpy.

It is coarser than the model and much cheaper. Its use is the history: frauds come in bursts, so what the risks of a
customer's latest payments come to says more of the next one than their number or amounts.
"""

import numpy as np
from numpy.typing import NDArray

from services.scorer.decode import Columns
from services.scorer.features import category_codes
from services.scorer.history.events import is_night
from services.scorer.manifest import Recipe


def payment_risks(columns: Columns, recipe: Recipe) -> NDArray[np.float32]:
    """Return the risk of each payment, float32 [n]; 0 where the recipe has no table."""
    if recipe.risk is None:
        return np.zeros(len(columns), np.float32)
    return recipe.risk.table[cells(columns, recipe, recipe.risk.edges)]


def cells(columns: Columns, recipe: Recipe, edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the place of each payment in a risk table with these edges of amounts, int64 [n]."""
    category = category_codes(columns, recipe).astype(np.int64)
    category[category < 0] = len(recipe.categories)
    bins = np.searchsorted(edges, columns.numbers["amount"])
    return (category * 2 + is_night(columns.seconds)) * (len(edges) + 1) + bins
