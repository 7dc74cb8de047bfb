"""What is fuzzed: how an input is made, what must hold of it, and how many are wanted."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.fuzz import claims, file_claims, history_claims, messages
from tests.fuzz.spoil import spoil
from tests.fuzz.tables import table


@dataclass(frozen=True)
class Target:
    """One thing to fuzz.

    Attributes:
        make: gives the bytes of an input.
        claim: checks it and returns the fates of what is in it; fails if it has none.
        inputs: how many are wanted in a run.
        batches: whether each fate is an input of its own, as in a batch of messages.
        guided: how many more are wanted of a fuzzer that looks for new code; none where the bytes are but a seed.
    """

    make: Callable[[Random], bytes]
    claim: Callable[[bytes], Counter[str]]
    inputs: int
    batches: bool = False
    guided: int = 0


def _seed(random: Random) -> bytes:
    return random.randbytes(8)


def _file(random: Random) -> bytes:
    content = table(random).content
    for _ in range(random.choice((0, 1, 1, 3, 10))):
        content = spoil(random, content)
    return content


TARGETS = {
    "messages": Target(messages.batch, claims.messages_have_one_fate_each, 500_000, batches=True, guided=40_000),
    "scores": Target(messages.score, claims.scores_have_one_fate_each, 300_000, guided=200_000),
    "tables": Target(_seed, file_claims.rows_arrive_as_written, 15_000),
    "files": Target(_file, file_claims.any_file_adds_up, 20_000, guided=20_000),
    "lines": Target(_file, file_claims.bad_lines_never_cost_good_ones, 8_000, guided=10_000),
    "histories": Target(_seed, history_claims.transactions_see_the_past, 300),
}
