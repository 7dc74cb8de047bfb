"""The Kubernetes manifests as a cluster gets them, and the schemas they are checked against."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"

Manifest = dict[str, Any]

SCALED_OBJECT: dict[str, Any] = {
    "scaleTargetRef": {"apiVersion": str, "kind": str, "name": str},
    "minReplicaCount": int,
    "maxReplicaCount": int,
    "pollingInterval": int,
    "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {
        "stabilizationWindowSeconds": int,
        "policies": [{"type": str, "value": int, "periodSeconds": int}],
    }}}},
    "triggers": [{"type": str, "metadata": {
        "bootstrapServersFromEnv": str, "consumerGroup": str, "topic": str, "lagThreshold": str,
        "offsetResetPolicy": str,
    }}],
}  # fmt: skip
"""The fields of KEDA's ScaledObject (2.21) that ours use, and their types; a cluster drops a misspelt one silently."""


def builder() -> list[str] | None:
    """Return the command that builds an overlay, None if this machine has none."""
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    return ["kustomize", "build"] if shutil.which("kustomize") else None


def build(folder: str) -> list[Manifest]:
    """Return the manifests of an overlay."""
    command = builder()
    assert command is not None
    done = subprocess.run([*command, str(FOLDER / folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def check(manifest: Manifest, version: str) -> None:
    """Check a manifest against the schema of its kind; a field that the schema does not have is an error.

    Raises:
        jsonschema.ValidationError: what is wrong, and where.
    """
    if manifest["kind"] == "ScaledObject":
        if (found := _shape(manifest["spec"])) != SCALED_OBJECT:
            raise jsonschema.ValidationError(f"{found} is not the shape of a ScaledObject")
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


def _shape(value: Any) -> Any:
    """Return a value with the type of each leaf in its place."""
    if isinstance(value, dict):
        return {name: _shape(part) for name, part in value.items()}
    return [_shape(part) for part in value] if isinstance(value, list) else type(value)
