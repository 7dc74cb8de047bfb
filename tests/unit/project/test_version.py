"""The version stands in services/__init__.py; what repeats it, because no Python reads it there, says the same."""

import re

import pytest

from services import __version__
from services.common.settings import project_root

REPEATED = {
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
