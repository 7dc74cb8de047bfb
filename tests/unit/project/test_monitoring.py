"""What the monitoring's files say of metrics is true."""

import json
import re
import shutil
import subprocess

import pytest

from services.common.settings import project_root
from stack.metrics_table import HEADINGS, markdown, metrics_of

ROOT = project_root()
RULES = (ROOT / "monitoring/rules/fraud.yml").read_text()
DASHBOARD = json.loads((ROOT / "monitoring/dashboard.json").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def exported() -> set[str]:
    """Every series that a service exports."""
    names = set()
    for module in HEADINGS.values():
        for metric in metrics_of(module):
            suffixes = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
            names |= {metric.name + suffix for suffix in suffixes}
    return names


def test_the_list_of_metrics_is_that_of_the_code() -> None:
    """`python -m stack.metrics_table` was run after the last change of a metric."""
    assert (ROOT / "docs/metrics.md").read_text() == markdown()


def test_names_of_metrics_follow_the_conventions() -> None:
    """One prefix, the service, base units; counters end in _total, and nothing else does."""
    for module in HEADINGS.values():
        for metric in metrics_of(module):
            assert re.fullmatch(r"fraud_(scorer|sink|ui|drift|build)_[a-z0-9_]+", metric.name)
            assert metric.name.endswith("_total") == (metric.kind == "counter")
            assert not re.search(r"_(ms|millis|minutes|kb|percent)$", metric.name)
            assert metric.meaning


def test_rules_and_dashboard_ask_for_what_is_exported_or_recorded() -> None:
    """A metric that was renamed would silence its alert."""
    recorded = set(re.findall(r"record: (\S+)", RULES))
    for text in [*re.findall(r"expr: (.*)", RULES), *EXPRESSIONS]:
        assert set(re.findall(r"\bfraud:[a-z0-9_:]+", text)) <= recorded, text
        assert set(re.findall(r"\bfraud_[a-z0-9_]+", text)) <= exported(), text
    assert len(recorded) >= 5
    assert len(EXPRESSIONS) >= 15


def test_every_alert_is_tried_and_explained() -> None:
    """In promtool's test, and in the table of the operations document."""
    alerts = set(re.findall(r"alert: (\S+)", RULES))
    tried = (ROOT / "monitoring/tests/fraud.yml").read_text()
    explained = (ROOT / "docs/operations.md").read_text()

    assert len(alerts) >= 10
    assert {alert for alert in alerts if not re.search(rf"\b{alert}\b", tried)} == set()
    assert {alert for alert in alerts if f"`{alert}`" not in explained} == set()


@pytest.mark.skipif(
    not shutil.which("promtool"), reason="no promtool here; tests/readme has it from Prometheus's image"
)
def test_the_rules_fire_when_they_should_and_only_then() -> None:
    """By promtool itself."""
    for what in (("check", "rules", "monitoring/rules/fraud.yml"), ("test", "rules", "monitoring/tests/fraud.yml")):
        done = subprocess.run(["promtool", *what], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_whole() -> None:
    """Panels have unique ids and lie within 24 columns; the data source is the one that is chosen at the import."""
    panels = DASHBOARD["panels"]
    [source] = DASHBOARD["__inputs"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        assert {target["refId"] for target in panel["targets"]}
        asked = {asks["datasource"]["uid"] for asks in (panel, *panel["targets"])}
        assert asked == {f"${{{source['name']}}}"}
