"""`python -m stack.leftovers HOME`: waits until its supervisor has ended, and ends what a killed one left running.

For systems without PR_SET_PDEATHSIG of prctl(2), which is Linux's alone.
"""

import sys
from pathlib import Path

from stack.report import read_report


def main() -> None:
    """Wait for the end of standard input, a pipe from the supervisor: the kernel closes it however that one ends."""
    sys.stdin.buffer.read()
    report = read_report(Path(sys.argv[1]))
    if report and not report.is_running:  # else another one has started since, and has cleared them
        report.clear_leftovers()


if __name__ == "__main__":
    main()
