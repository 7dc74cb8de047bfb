"""The Kubernetes manifests as a cluster gets them, and the schemas they are held against."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
SCALED_OBJECT = Path(__file__).with_name("keda-scaledobject-2.21.0.json")

Manifest = dict[str, Any]

TRIGGER_FIELDS = frozenset(
    {
        "bootstrapServers", "bootstrapServersFromEnv", "consumerGroup", "consumerGroupFromEnv", "topic", "topicFromEnv",
        "partitionLimitation", "lagThreshold", "activationLagThreshold", "offsetResetPolicy", "allowIdleConsumers",
        "excludePersistentLag", "scaleToZeroOnInvalidOffset", "limitToPartitionsWithLag",
        "ensureEvenDistributionOfPartitions", "fullMetadata", "version", "tls", "unsafeSsl", "sasl",
        "saslTokenProvider", "awsRegion",
    }
)  # fmt: skip
"""What the scaler `kafka` of KEDA 2.21 reads of a trigger (struct kafkaMetadata of pkg/scalers/kafka_scaler.go)."""


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
    if manifest["apiVersion"].startswith("keda.sh/"):
        _check_scaled_object(manifest)
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


def _check_scaled_object(manifest: Manifest) -> None:
    jsonschema.validate(manifest, _closed(json.loads(SCALED_OBJECT.read_text())))
    for trigger in manifest["spec"]["triggers"]:
        unknown = trigger["metadata"].keys() - TRIGGER_FIELDS
        if trigger["type"] != "kafka" or unknown:
            raise jsonschema.ValidationError(f"the scaler kafka does not read {unknown or trigger['type']}")


def _closed(schema: Any) -> Any:
    """Return a schema that refuses fields it does not name: a cluster would drop them without a word."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    if isinstance(closed.get("properties"), dict) and "type" in closed:
        closed.setdefault("additionalProperties", False)
    return closed
