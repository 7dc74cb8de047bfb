"""The comparison as figures and as text. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

Figures = Mapping[str, Any]


def make_report(counts: Figures, judged: Figures, by: str, past: str, rejected: int) -> dict[str, Any]:
    """Return the report of a run.

    Args:
        counts: of services.tools.backfill.table.COMPARE.
        judged: of services.tools.backfill.table.JUDGE.
        by: source of the labels.
        past: range of the history.
        rejected: number of messages that could not be scored.
    """
    found = {
        name: _quality(judged["caught" + suffix], judged["flagged" + suffix], judged["frauds"])
        for name, suffix in (("model", ""), ("live", "_live"))
    }
    return {**counts, "rejected": rejected, "past": past, "judged_by": by, "judged": judged["judged"],
            "frauds": judged["frauds"], **found}  # fmt: skip


def lines(report: Figures) -> Iterator[str]:
    """Yield the lines of the report."""
    yield f"scored     {report['scored']:,} ({report['rejected']:,} rejected); past: {report['past']}"
    yield f"compared   {report['compared']:,} with the live scores"
    yield f"flagged    {report['flagged']:,}, live {report['flagged_live']:,}"
    yield f"flips      {report['newly_flagged']:,} newly flagged, {report['no_longer_flagged']:,} no longer"
    yield (
        f"shift      mean {report['mean_shift']:+.6f}, mean size {report['mean_absolute_shift']:.6f},"
        f" largest {report['largest_shift']:.6f}"
    )
    if not report["judged"]:
        yield f"judged     none by {report['judged_by']}: F1 is unknown"
        return
    yield f"judged     {report['judged']:,} by {report['judged_by']}, {report['frauds']:,} frauds"
    for name in ("model", "live"):
        quality = report[name]
        yield f"{name:<10} F1 {quality['f1']:.4f}, precision {quality['precision']:.4f}, recall {quality['recall']:.4f}"


def _quality(caught: int, flagged: int, frauds: int) -> dict[str, float]:
    return {
        "f1": 2 * caught / max(1, flagged + frauds),
        "precision": caught / max(1, flagged),
        "recall": caught / max(1, frauds),
    }
