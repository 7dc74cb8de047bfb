"""`python -m stack.metrics_table`: write docs/metrics.md from the modules that declare the metrics."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from prometheus_client.metrics import MetricWrapperBase

from services.common import probes
from services.common.settings import project_root
from services.scorer import metrics as scorer
from services.sink import metrics as sink
from ui import metrics as ui

HEADINGS: dict[str, ModuleType] = {"Every service": probes, "Scorer": scorer, "Sink": sink, "Page": ui}

HEAD = """# Metrics

Written by `python -m stack.metrics_table` from `services/scorer/metrics.py`, `services/sink/metrics.py` and
`ui/metrics.py`.

Each service answers `/metrics`, `/livez` and `/readyz` on a port of its own (`SCORER_PROBE_PORT`, `SINK_PROBE_PORT`,
`UI_PROBE_PORT`), on loopback unless `PROBE_HOST` says otherwise; there is no
login, so these ports belong to the inside network alone. The page's own port has no metrics. Beside what stands here
there are the Python client's `process_*` and `python_*`.

Durations are in seconds. Counters start at 0 with the process. Histograms count batches, not
messages: `*_end_to_end_seconds` is the age of the oldest message of each batch, so its quantiles are on the safe side.
The simulator and the one-shot jobs have no metrics. Names of OpenTelemetry for the same things:
`messaging.client.consumed.messages` is `*_messages_consumed_total`, `messaging.process.duration` is
`fraud_scorer_batch_seconds` and `fraud_sink_copy_seconds`.
"""


@dataclass(frozen=True)
class Metric:
    """A metric as Prometheus sees it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def metrics_of(module: ModuleType) -> Iterator[Metric]:
    """Yield what a module declares, in its order."""
    for value in vars(module).values():
        if isinstance(value, MetricWrapperBase):
            [family] = value.describe()
            suffix = "_total" if family.type == "counter" else ""
            yield Metric(family.name + suffix, family.type, value._labelnames, family.documentation)


def markdown() -> str:
    """Return docs/metrics.md."""
    lines = [HEAD]
    for heading, module in HEADINGS.items():
        lines += [f"## {heading}", "", "| metric | kind | labels | meaning |", "|---|---|---|---|"]
        lines += [f"| `{m.name}` | {m.kind} | {', '.join(m.labels)} | {m.meaning} |" for m in metrics_of(module)]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Write the file."""
    (project_root() / "docs/metrics.md").write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
