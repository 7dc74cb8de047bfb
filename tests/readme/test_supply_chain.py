"""What `make sbom` wrote."""

import json
import re

import pytest

from tests.readme.commands import ROOT

pytestmark = pytest.mark.timeout(900)  # images are built and libraries fetched in a fixture


@pytest.mark.parametrize("image", ["scorer", "sink", "ui", "simulator", "migrate", "tools"])
def test_the_bill_of_materials_names_every_locked_package(image: str) -> None:
    """With version, package URL and the hashes that the build insists on."""
    lock = (ROOT / f"requirements/{image}.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", lock, re.MULTILINE))
    bill = json.loads((ROOT / f"build/sbom/{image}.cdx.json").read_bytes())
    named = {(part["name"], part["version"]) for part in bill["components"]}

    assert bill["bomFormat"] == "CycloneDX"
    assert len(locked) > 3
    assert named == locked
    for part in bill["components"]:
        assert part["purl"].startswith("pkg:pypi/")
        hashes = [kept["content"] for place in part["externalReferences"] for kept in place.get("hashes", [])]
        assert hashes
        assert all(kept in lock for kept in hashes)
