"""Writes simulated transactions to a file in the competition's format, of any length."""

import csv
import datetime
import io
import math
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from services.simulator.cards import FIELDS
from services.simulator.drift import DriftingSource, DriftKind
from services.simulator.population import World
from services.simulator.transactions import DAY_MINUTES, TransactionGenerator

FIRST_DAY = datetime.date(2019, 1, 1)
"""Simulated files begin where the competition's data begin."""

LINES_A_PILE = 100_000


def customers_for(rows: int) -> int:
    """Return how many customers a file should have: the square root of its rows (1,000 for a million)."""
    return max(1, math.isqrt(rows))


def write_csv(
    path: Path,
    world: World,
    rows: int,
    *,
    labels: bool = False,
    shuffle: bool = False,
    drifts: Collection[DriftKind] = (),
) -> None:
    """Write the world's first `rows` transactions since FIRST_DAY, in order of time or shuffled; replaces the file.

    The bytes depend on the arguments alone. Memory does not grow with `rows`: shuffling goes through files beside
    `path`.
    """
    lines: Iterable[str] = _lines(DriftingSource(world, drifts), rows, labels)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        if shuffle:
            lines = _shuffled(lines, rows, world.seed, Path(folder))
        unfinished = Path(folder) / "rows.csv"
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            file.write(",".join((*FIELDS, "target") if labels else FIELDS) + "\n")
            file.writelines(lines)
        unfinished.replace(path)


def _lines(source: TransactionGenerator, rows: int, labels: bool) -> Iterator[str]:
    """Yield lines in order of time; the text of a customer and of a shop is formatted once."""
    people = [_cells(*person) for person in source.world.customers.people]
    shops = [_cells(*shop) for shop in source.world.shops]
    clock = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(DAY_MINUTES)]
    endings = [",0\n", ",1\n"] if labels else ["\n", "\n"]
    day = FIRST_DAY.toordinal()
    while rows > 0:
        transactions = source.day(day)
        transactions = transactions.take(np.arange(min(rows, len(transactions))))
        date = datetime.date.fromordinal(day).isoformat()
        columns = [
            transactions.minute, transactions.shop, transactions.amount, transactions.customer,
            transactions.merchant_lat, transactions.merchant_lon, transactions.target,
        ]  # fmt: skip
        for minute, shop, amount, customer, lat, lon, target in zip(*(c.tolist() for c in columns), strict=True):
            yield f"{date} {clock[minute]},{shops[shop]},{amount},{people[customer]},{lat},{lon}{endings[target]}"
        rows -= len(transactions)
        day += 1


def _shuffled(lines: Iterable[str], rows: int, seed: int, folder: Path) -> Iterator[str]:
    """Yield lines in random order, all orders equally likely: dealt to piles at random, then each pile is shuffled."""
    rng = np.random.Generator(np.random.PCG64([seed, rows]))
    piles = [folder / f"pile-{number}" for number in range(math.ceil(rows / LINES_A_PILE))]
    with ExitStack() as stack:
        files = [stack.enter_context(pile.open("w", encoding="utf-8", newline="")) for pile in piles]
        for line, number in zip(lines, _draws(rng, len(piles)), strict=False):
            files[number].write(line)
    for pile in piles:
        with pile.open(encoding="utf-8", newline="") as file:
            dealt = file.readlines()
        pile.unlink()
        for place in rng.permutation(len(dealt)).tolist():
            yield dealt[place]


def _draws(rng: np.random.Generator, limit: int) -> Iterator[int]:
    """Yield numbers 0 to limit - 1 without end."""
    while True:
        yield from (rng.random(10_000) * limit).astype(np.int64).tolist()


def _cells(*values: object) -> str:
    """Return values as CSV cells, quoted where they hold a comma."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(values)
    return buffer.getvalue()
