"""Formats figures as a table: Markdown for documents, columns for a terminal."""

from collections.abc import Sequence
from typing import TypedDict

from bench.figures import Figure, Figures

HEADINGS = ("figure", "median", "lowest to highest", "goal", "")


class Section(TypedDict):
    """Figures that were measured together."""

    title: str
    figures: Figures


class Results(TypedDict):
    """The results of a run, as stored in JSON."""

    machine: dict[str, str]
    rounds: int
    sections: dict[str, Section]
    left_out: list[str]


def to_markdown(results: Results) -> str:
    """Return the results as a document with one table per section."""
    lines = ["# Figures", "", "Written by `make bench`: " + "; ".join(results["machine"].values()) + "."]
    lines += [
        "",
        f"Each figure is the median of {results['rounds']} rounds, with the lowest and the highest of them. What is"
        " compared takes turns; a ratio is the median of the ratios of the rounds.",
    ]
    for section in results["sections"].values():
        lines += ["", f"## {section['title']}", "", _line(HEADINGS), "|---|---:|---:|---:|---|"]
        lines += [_line(cells(figure)) for figure in section["figures"].values()]
    if results["left_out"]:
        lines += ["", "Left out on this machine:", *(f"- {what}" for what in results["left_out"])]
    return "\n".join(lines) + "\n"


def to_text(results: Results) -> str:
    """Return the results as columns for a terminal."""
    rows = [cells(figure) for section in results["sections"].values() for figure in section["figures"].values()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    lines = ["; ".join(results["machine"].values())]
    for section in results["sections"].values():
        lines += ["", section["title"]]
        lines += ["  " + _columns(cells(figure), widths) for figure in section["figures"].values()]
    lines += [f"left out: {what}" for what in results["left_out"]]
    return "\n".join(lines)


def cells(figure: Figure) -> tuple[str, str, str, str, str]:
    """Return the cells of a row."""
    verdict = {True: "met", False: "**missed**"}.get(figure["met"]) if "met" in figure else None
    remarks = ", ".join(filter(None, (verdict, figure.get("note"))))
    several = len(figure["rounds"]) > 1
    spread = f"{number(figure['low'])} to {number(figure['high'])}" if several else "measured once"
    return figure["what"], f"{number(figure['value'])} {figure['unit']}", spread, figure.get("goal", ""), remarks


def number(value: float) -> str:
    """Return a value with its significant digits."""
    decimals = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{decimals}f}"


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def _columns(texts: Sequence[str], widths: Sequence[int]) -> str:
    what, *middle, remarks = (text for text in texts)
    aligned = [text.rjust(width) for text, width in zip(middle, widths[1:-1], strict=True)]
    return "  ".join((what.ljust(widths[0]), *aligned, remarks)).rstrip()
