"""The version stands in services/__init__.py; what repeats it, because no Python reads it there, says the same."""

import re

import pytest
from prometheus_client import generate_latest

from services import __version__
from services.common import probes
from services.common.settings import project_root

REPEATED = {
    "CHANGELOG.md": r"\A(?s:.*?)^## (\S+) \(\d{4}-\d\d-\d\d\)$",  # the newest that is released
    "pyproject.toml": r'^version = "(.+)"$',
    "docker-compose.yml": r"\$\{IMAGE_PREFIX:-fraud-\}\w+:(\S+)|VERSION: ([\d.]+)",
    "docker-compose.tools.yml": r"^    image: \$\{IMAGE_PREFIX:-fraud-\}tools:(\S+)",
    "deploy/kubernetes/example/kustomization.yaml": r"newTag: ([^}\s]+)",
}


@pytest.mark.parametrize("file", REPEATED)
def test_a_file_that_repeats_the_version_has_the_right_one(file: str) -> None:
    """Images, manifests and metadata of one release go together."""
    found = re.findall(REPEATED[file], (project_root() / file).read_text(), re.MULTILINE)

    assert found
    assert {
        version for groups in found for version in ([groups] if isinstance(groups, str) else groups) if version
    } == {__version__}


def test_metrics_and_page_have_no_version_of_their_own() -> None:
    """No file of Python but services/__init__.py writes one: the page, the metrics and the headers read that one."""
    code = [path for folder in ("services", "ui", "db", "stack") for path in (project_root() / folder).rglob("*.py")]
    written = [path for path in code if re.search(rf"[\"' ]{re.escape(__version__)}[\"' <]", path.read_text())]

    assert written == [project_root() / "services/__init__.py"]
    assert "__version__" in (project_root() / "ui/page.py").read_text()
    assert f'fraud_build_info{{version="{__version__}"}} 1.0' in generate_latest(probes.BUILD).decode()
