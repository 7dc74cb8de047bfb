"""The Kubernetes manifests follow the schemas of a cluster and fit the code."""

import copy
import os
from typing import Any

import jsonschema
import pytest

from services.common.settings import KafkaSettings, TopicSettings
from services.scorer.settings import ScorerSettings
from services.sink.settings import SinkSettings
from stack.settings_table import HEADINGS, variables
from tests.support.manifests import ROOT, Manifest, build, builder, check

VERSIONS = ("1.29", "1.37")
OVERLAYS = ("base", "example")
WORKLOADS = ("Job", "CronJob", "StatefulSet", "Deployment")
SECRETS = {
    "fraud-kafka": set(),
    "fraud-database": {"owner-url", "owner-password", "sink-password", "ui-password"},
    "fraud-page": {"users"},
}
OUTSIDE = {"HOME", "PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSSLMODE", "DATABASE_URL",
           "FRAUD_SINK_PASSWORD", "FRAUD_UI_PASSWORD"}  # fmt: skip
"""Variables that other programs read: libpq, dbmate, and our migrations."""


@pytest.fixture(scope="module")
def manifests() -> dict[str, list[Manifest]]:
    """Overlay -> its manifests."""
    if builder() is None:
        if os.environ.get("CI"):
            pytest.fail("neither kubectl nor kustomize on this machine")
        pytest.skip("neither kubectl nor kustomize on this machine")
    return {overlay: build(overlay) for overlay in OVERLAYS}


def of_kind(manifests: list[Manifest], *kinds: str) -> dict[str, Manifest]:
    return {found["metadata"]["name"]: found for found in manifests if found["kind"] in kinds}


def pod(workload: Manifest) -> dict[str, Any]:
    spec: dict[str, Any] = workload["spec"].get("jobTemplate", workload)["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_manifest_follows_the_schema_of_its_kind(
    manifests: dict[str, list[Manifest]], overlay: str, version: str
) -> None:
    """Kubernetes' own schemas without unknown fields; of KEDA's custom resource, the fields that ours use."""
    assert len(manifests[overlay]) >= 12
    for manifest in manifests[overlay]:
        check(manifest, version)


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("StatefulSet", ("spec", "replicaz"), 3),
        ("StatefulSet", ("spec", "template", "spec", "containers", 0, "readinessProbe", "periodSeconds"), "5s"),
        ("PodDisruptionBudget", ("spec", "selector"), "scorer"),
        ("ScaledObject", ("spec", "minReplicas"), 2),
        ("ScaledObject", ("spec", "maxReplicaCount"), "twelve"),
        ("ScaledObject", ("spec", "triggers", 0, "metadata", "lagTreshold"), "25000"),
    ],
)
def test_a_typo_is_found(manifests: dict[str, list[Manifest]], kind: str, path: tuple[Any, ...], value: Any) -> None:
    """A misspelt field or a value of another type, in our own manifests."""
    manifest = copy.deepcopy(next(found for found in manifests["example"] if found["kind"] == kind))
    *way, last = path
    place: Any = manifest
    for step in way:
        place = place[step]
    place[last] = value

    with pytest.raises(jsonschema.ValidationError):
        check(manifest, VERSIONS[-1])


def test_variables_exist_in_the_settings(manifests: dict[str, list[Manifest]]) -> None:
    """A misspelt variable would silently leave the default in force."""
    known = {variable.name for classes in HEADINGS.values() for settings in classes for variable in variables(settings)}
    named: set[str] = set()
    for found in of_kind(manifests["example"], "ConfigMap").values():
        named |= found["data"].keys()
    for workload in of_kind(manifests["example"], *WORKLOADS).values():
        named |= {entry["name"] for entry in pod(workload)["containers"][0].get("env", [])}

    assert {name for name in named if not name.startswith("KAFKA_CONF_")} <= known | OUTSIDE
    assert {"KAFKA_BOOTSTRAP_SERVERS", "TOPIC_MIN_INSYNC_REPLICAS", "PROBE_HOST", "UI_USERS_FILE"} <= named


def test_every_reference_exists(manifests: dict[str, list[Manifest]]) -> None:
    """Config maps are in the overlay, secrets are those of docs/scale.md."""
    maps = of_kind(manifests["example"], "ConfigMap").keys()
    for workload in of_kind(manifests["example"], *WORKLOADS).values():
        container = pod(workload)["containers"][0]
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                assert source["configMapRef"]["name"] in maps
            else:
                assert source["secretRef"]["name"] in SECRETS
        for entry in container.get("env", []):
            if reference := entry.get("valueFrom", {}).get("secretKeyRef"):
                assert reference["key"] in SECRETS[reference["name"]]
    document = (ROOT / "docs/scale.md").read_text()
    for secret, keys in SECRETS.items():
        assert all(word in document for word in (secret, *keys))


def test_pods_have_minimal_rights(manifests: dict[str, list[Manifest]]) -> None:
    """The profile `restricted` of Pod Security, a read-only root, and a limit of memory."""
    workloads = of_kind(manifests["base"], *WORKLOADS)
    assert set(workloads) == {"topics", "migrate", "scorer", "sink", "page", "retention"}
    for workload in workloads.values():
        [container] = pod(workload)["containers"]
        rights = container["securityContext"]
        assert pod(workload)["securityContext"]["runAsNonRoot"]
        assert pod(workload)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod(workload)["automountServiceAccountToken"]
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert (rights["allowPrivilegeEscalation"], rights["readOnlyRootFilesystem"]) == (False, True)
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize(("name", "probe_port"), [("scorer", "SCORER_PROBE_PORT"), ("sink", "SINK_PROBE_PORT")])
def test_scorer_and_sink_have_stable_names_and_probes(
    manifests: dict[str, list[Manifest]], name: str, probe_port: str
) -> None:
    """A stable name, probes at a port served beyond loopback, disruption of one pod at a time."""
    workload = of_kind(manifests["base"], "StatefulSet")[name]
    [container] = pod(workload)["containers"]
    env = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert env[probe_port] == str(container["ports"][0]["containerPort"])
    assert env["PROBE_HOST"] == "0.0.0.0"  # noqa: S104  # reachable by the kubelet
    paths = {kind: container[kind]["httpGet"]["path"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    assert "replicas" not in workload["spec"]
    budget = of_kind(manifests["base"], "PodDisruptionBudget")[name]
    assert budget["spec"]["selector"] == workload["spec"]["selector"]
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_the_autoscaler_watches_the_group_and_topic_of_its_target(manifests: dict[str, list[Manifest]]) -> None:
    """At most as many pods as partitions: more would idle."""
    scaled = of_kind(manifests["example"], "ScaledObject")
    groups = {"scorer": (ScorerSettings().group_id, TopicSettings().transactions),
              "sink": (SinkSettings().group_id, TopicSettings().scores)}  # fmt: skip
    workloads = of_kind(manifests["example"], "StatefulSet")
    kafka = next(data for name, data in of_kind(manifests["example"], "ConfigMap").items() if "kafka" in name)["data"]
    for name, (group, topic) in groups.items():
        [trigger] = scaled[name]["spec"]["triggers"]
        target = scaled[name]["spec"]["scaleTargetRef"]
        assert (trigger["metadata"]["consumerGroup"], trigger["metadata"]["topic"]) == (group, topic)
        assert (target["kind"], target["name"]) == ("StatefulSet", name)
        assert target["name"] in workloads
        assert trigger["metadata"]["bootstrapServersFromEnv"] in kafka
        assert scaled[name]["spec"]["maxReplicaCount"] <= int(kafka["TOPIC_PARTITIONS"])


def test_the_settings_accept_the_example(manifests: dict[str, list[Manifest]], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the values of the config map, as a pod gets them."""
    kafka = next(data for name, data in of_kind(manifests["example"], "ConfigMap").items() if "kafka" in name)["data"]
    for name, value in kafka.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KAFKA_CONF_SASL_USERNAME", "from the secret")
    monkeypatch.setenv("KAFKA_CONF_SASL_PASSWORD", "from the secret")

    assert TopicSettings.read().replication_factor == 3
    assert KafkaSettings.read().client_config()["sasl.mechanism"] == "SCRAM-SHA-512"
