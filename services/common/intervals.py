"""Confidence intervals."""

import math

Z95 = 1.959964
"""A normal variable is within so many standard deviations of its mean with a probability of 95 %."""


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (E. B. Wilson, 1927), which is not empty where there are no hits.

    Of nothing nothing is known: (0, 1). It takes the `count` for independent: too narrow for bursts of frauds.
    """
    if not count:
        return 0.0, 1.0
    share, shrink = hits / count, 1 + Z95**2 / count
    middle = (share + Z95**2 / (2 * count)) / shrink
    half = Z95 / shrink * math.sqrt(share * (1 - share) / count + Z95**2 / (4 * count**2))
    return (middle - half if hits else 0.0), (middle + half if hits < count else 1.0)
