"""How two models' scores of the same payments compare, added up. Pure."""

from dataclasses import dataclass, fields

import numpy as np
import orjson
from numpy.typing import NDArray

from services.scorer.history.changelog import Record


@dataclass(slots=True)
class Tally:
    """A pair of models and what they said of the same payments.

    Attributes:
        model_version, shadow_version: whose scores are published, and whose are only compared.
        scored: payments that both scored.
        skipped: payments that the shadow had no time for, or could not read.
        both_flagged, only_model, only_shadow: payments by who flagged them.
        shift, absolute_shift: sums of shadow score - score, and of its size.
        largest_shift: the largest size.
        cpu_seconds: what the shadow's thread has used.
    """

    model_version: str
    shadow_version: str
    scored: int = 0
    skipped: int = 0
    both_flagged: int = 0
    only_model: int = 0
    only_shadow: int = 0
    shift: float = 0.0
    absolute_shift: float = 0.0
    largest_shift: float = 0.0
    cpu_seconds: float = 0.0

    def add(
        self,
        scores: NDArray[np.float64],
        flags: NDArray[np.bool_],
        shadow_scores: NDArray[np.float64],
        shadow_flags: NDArray[np.bool_],
    ) -> None:
        """Add payments, [n] each, in one order."""
        shifts = shadow_scores - scores
        self.scored += len(scores)
        self.both_flagged += int((flags & shadow_flags).sum())
        self.only_model += int((flags & ~shadow_flags).sum())
        self.only_shadow += int((~flags & shadow_flags).sum())
        self.shift += float(shifts.sum())
        self.absolute_shift += float(np.abs(shifts).sum())
        self.largest_shift = max(self.largest_shift, float(np.abs(shifts).max(initial=0.0)))

    def record(self) -> Record:
        """Return the message of `scorer.models`."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"key": b"tally", "value": orjson.dumps({"tally": told})}
