"""How many examples a property test tries. The same ones in every run: what is new is for `make fuzz` to find."""

from hypothesis import settings


def fixed(examples: int) -> settings:
    """Return a decorator for a property test or a state machine: so many examples, of which none is left to chance."""
    return settings(max_examples=examples, derandomize=True, database=None)
