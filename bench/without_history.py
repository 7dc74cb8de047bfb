"""`python -m bench.without_history`: the scorer without history, as the peers have none.

The model gets NaN for the features of the history, and there is no changelog. All else is `python -m services.scorer`.
"""

import sys
from unittest import mock

from services.scorer import __main__ as scorer
from services.scorer.features import FeaturePlan


def main() -> int:
    """Run the scorer; return the exit code."""
    with mock.patch.object(FeaturePlan, "uses_history", new=False):
        return scorer.main()


if __name__ == "__main__":
    sys.exit(main())
