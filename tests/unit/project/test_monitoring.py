"""Rules, dashboard and documents use metrics that exist."""

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
    """Return the names of all series that the services export."""
    names = set()
    for module in HEADINGS.values():
        for metric in metrics_of(module):
            suffixes = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
            names |= {metric.name + suffix for suffix in suffixes}
    return names


def test_the_document_of_the_metrics_is_up_to_date() -> None:
    """`python -m stack.metrics_table` writes it; it was run after the last change."""
    assert (ROOT / "docs/metrics.md").read_text() == markdown()


def test_metric_names_follow_the_conventions() -> None:
    """Prefix, service, base units; counters and nothing else end in _total."""
    for module in HEADINGS.values():
        for metric in metrics_of(module):
            assert re.fullmatch(r"fraud_(scorer|sink|ui|drift|build)_[a-z0-9_]+", metric.name)
            assert metric.name.endswith("_total") == (metric.kind == "counter")
            assert not re.search(r"_(ms|millis|minutes|kb|percent)$", metric.name)
            assert metric.meaning


def test_rules_and_dashboard_use_metrics_that_exist() -> None:
    """A renamed metric would silence its alert."""
    recorded = set(re.findall(r"record: (\S+)", RULES))
    for text in [*re.findall(r"expr: (.*)", RULES), *EXPRESSIONS]:
        assert set(re.findall(r"\bfraud:[a-z0-9_:]+", text)) <= recorded, text
        assert set(re.findall(r"\bfraud_[a-z0-9_]+", text)) <= exported(), text
    assert len(recorded) >= 5
    assert len(EXPRESSIONS) >= 15


def test_every_alert_is_tested_and_documented() -> None:
    """By promtool's tests, and in the table of docs/operations.md."""
    alerts = set(re.findall(r"alert: (\S+)", RULES))
    tested = (ROOT / "monitoring/tests/fraud.yml").read_text()
    documented = (ROOT / "docs/operations.md").read_text()

    assert len(alerts) >= 10
    assert {alert for alert in alerts if not re.search(rf"\b{alert}\b", tested)} == set()
    assert {alert for alert in alerts if f"`{alert}`" not in documented} == set()


@pytest.mark.skipif(
    not shutil.which("promtool"), reason="no promtool here; tests/readme has it from Prometheus's image"
)
def test_alerts_fire_when_they_should_and_only_then() -> None:
    """Checked by promtool."""
    for what in (("check", "rules", "monitoring/rules/fraud.yml"), ("test", "rules", "monitoring/tests/fraud.yml")):
        done = subprocess.run(["promtool", *what], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_can_be_imported() -> None:
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
