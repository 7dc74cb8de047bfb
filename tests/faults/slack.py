"""How much longer than on a quiet machine things may take."""

import os

SLACK = "FAULTS_SLACK"
"""Name of the variable with a factor on all times that are asserted: more than 1 on a machine with other work to do."""


def slack() -> float:
    """Return the factor."""
    return float(os.environ.get(SLACK) or 1)
