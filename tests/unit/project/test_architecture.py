"""The shape of the code, where neither import-linter nor ruff can check it (pyproject.toml)."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CODE = [
    path
    for folder in ("services", "ui", "stack", "db", "onnx", "bench")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def test_a_class_name_means_one_thing() -> None:
    """No public class name stands twice in services and ui."""
    found = Counter(
        node.name
        for path in CODE
        if path.relative_to(ROOT).parts[0] in {"services", "ui"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, times in found.items() if times > 1} == set()


def test_no_kafka_client_creates_topics() -> None:
    """By default a misspelt name would create a topic where the broker allows it; KafkaSettings turns that off."""
    for path in [*CODE, *sorted((ROOT / "tests/support").rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Dict):
                keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
                assert "bootstrap.servers" not in keys or "allow.auto.create.topics" in keys, f"{path}:{node.lineno}"


def test_no_request_to_a_coordinator_ends_the_process() -> None:
    """In librdkafka 2.16 one that waits for a coordinator in vain does: describe_group() and BrokerQuery avoid it."""
    for path in [*CODE, *sorted((ROOT / "tests").rglob("*.py"))]:
        calls = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert "list_consumer_group_offsets" not in calls, path
        assert path not in CODE or path.name == "offsets.py" or "describe_consumer_groups" not in calls, path


@pytest.mark.parametrize("service", ["scorer", "sink"])
def test_services_depend_on_no_training_library(service: str) -> None:
    """An image contains what its service runs with, and nothing else."""
    lock = (ROOT / f"requirements/{service}.txt").read_text()
    names = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert names
    assert not names & {"pandas", "scikit-learn", "lightgbm", "onnx", "onnxmltools", "gradio", "scipy"}


@pytest.mark.parametrize("lock", sorted(path.name for path in (ROOT / "requirements").glob("*.txt")))
def test_every_locked_requirement_has_hashes(lock: str) -> None:
    """pip --require-hashes refuses anything else; this test does so earlier."""
    text = (ROOT / "requirements" / lock).read_text()
    pins = re.findall(r"^[a-z0-9._-]+==.*(?:\n .*)*", text, re.MULTILINE)
    assert pins
    assert all("--hash=sha256:" in pin for pin in pins)


def test_the_onnx_folder_is_not_a_package() -> None:
    """An __init__.py in onnx/ would hide the onnx library."""
    assert not (ROOT / "onnx/__init__.py").exists()


def test_importing_the_services_does_nothing() -> None:
    """Importing them creates no client and no thread, and prints nothing."""
    modules = [
        "services.scorer.__main__",
        "services.sink.__main__",
        "services.sender.__main__",
        "services.topics.__main__",
    ]
    script = f"import threading, {', '.join(modules)}; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("1\n", "")
