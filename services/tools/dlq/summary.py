"""Summarises dead letters: counts, times, examples. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from services.tools.dlq.dead_letter import DeadLetter

SHOWN_CHARACTERS = 4_000


@dataclass(slots=True)
class Group:
    """Letters of one reason and field."""

    count: int
    replayed: int
    first: datetime
    last: datetime
    examples: list[DeadLetter]


class Summary:
    """Counts dead letters as they pass."""

    def __init__(self, examples: int) -> None:
        self._examples = examples
        self.groups: dict[tuple[str, str], Group] = {}

    def add(self, dead_letter: DeadLetter) -> None:
        """Count a dead letter; the first few of each reason and field become examples."""
        at = dead_letter.rejected_at
        group = self.groups.setdefault((dead_letter.reason, dead_letter.field), Group(0, 0, at, at, []))
        group.count += 1
        group.replayed += dead_letter.replayed
        group.first, group.last = min(group.first, at), max(group.last, at)
        if len(group.examples) < self._examples:
            group.examples.append(dead_letter)

    def lines(self, *, show: bool = False) -> Iterator[str]:
        """Yield the lines of a report, the most frequent reason first; with `show`, the examples with their bytes."""
        total = sum(group.count for group in self.groups.values())
        yield f"{total:,} rejected, {sum(group.replayed for group in self.groups.values()):,} of them already replayed"
        if not total:
            return
        yield ""
        yield f"{'count':>9} {'replayed':>9}  {'reason':<14} {'field':<17} {'first':<19} {'last':<19} (UTC)"
        ordered = sorted(self.groups.items(), key=lambda item: (-item[1].count, item[0]))
        for (reason, field), group in ordered:
            yield (
                f"{group.count:>9,} {group.replayed:>9,}  {printable(reason):<14} {printable(field) or '-':<17}"
                f" {_time(group.first)} {_time(group.last)}"
            )
        examples = [dead_letter for _, group in ordered for dead_letter in group.examples]
        if examples:
            yield ""
        for dead_letter in examples:
            yield from _example(dead_letter, show=show)


def _example(dead_letter: DeadLetter, *, show: bool) -> Iterator[str]:
    about = f"{dead_letter.reason} of {dead_letter.field}" if dead_letter.field else dead_letter.reason
    state = ", replayed" if dead_letter.replayed else ""
    named = f"  id {printable(dead_letter.transaction_id)}" if dead_letter.transaction_id else ""
    yield f"{printable(dead_letter.source)}  {printable(about)}: {printable(dead_letter.message)}"
    yield f"    {_time(dead_letter.rejected_at)}  attempts {dead_letter.attempts}{state}{named}"
    if show:
        yield f"    key   {_bytes(dead_letter.key)}"
        yield f"    value {_bytes(dead_letter.value)}"


def obstacle_lines(obstacles: Counter[str]) -> Iterator[str]:
    """Yield a line for each reason why dead letters cannot be replayed."""
    for why, count in obstacles.most_common():
        yield f"{count:>9,} skipped: {printable(why)}"


def printable(text: str) -> str:
    """Return a text without control sequences of a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def _bytes(content: bytes | None) -> str:
    if content is None:
        return "none"
    shown = printable(content.decode(errors="backslashreplace"))
    more = f"... ({len(content):,} bytes)" if len(shown) > SHOWN_CHARACTERS else ""
    return shown[:SHOWN_CHARACTERS] + more


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")
