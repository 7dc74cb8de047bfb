"""GitHub's workflows and .ci/run check the same things."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.common.settings import project_root

ROOT = project_root()
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


def test_ci_runs_the_make_targets_of_the_local_script() -> None:
    """With the same arguments; nothing but make targets is run, so all of it can be run without GitHub."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    ran = {step["run"] for step in steps(workflow) if "run" in step}
    script = (ROOT / ".ci/run").read_text()
    local = set(re.findall(r'^ *(?:PYTEST_ADDOPTS="[^"]*" )?(make .+)$', script, re.MULTILINE))

    assert len(ran) >= 9
    assert ran == local


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_no_more_rights_than_it_names(path: Path) -> None:
    """None by default, each job its own; actions are those of a commit, whose release a comment names."""
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)

    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())
    actions = re.findall(r"uses: (?!\./)(.*)", text)
    assert len(actions) >= 2
    for action in actions:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", action), action
