"""What Kafka's tools are told, and how."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.common.errors import Stop
from stack import kafka


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, Any], bytes]]:
    """Commands that were run instead of Java, each with its options and the file of its arguments."""
    calls: list[tuple[list[str], dict[str, Any], bytes]] = []

    def run(argv: list[str], **options: Any) -> "subprocess.CompletedProcess[bytes]":
        [file] = [argument[1:] for argument in argv if argument.startswith("@")]
        calls.append((argv, options, (options["cwd"] / file).read_bytes()))
        return subprocess.CompletedProcess(argv, 0, b"", b"")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(kafka, "fetch_jars", lambda *_, **__: 0)
    return calls


def test_no_password_is_on_a_command_line(
    called: list[tuple[list[str], dict[str, Any], bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor in the environment of a tool that needs none, nor in a file that stays."""
    monkeypatch.setenv("UI_PASSWORD", "tops3cret")
    kafka.prepare_kafka(tmp_path / "kafka", 1, tmp_path / "jars", scram={"ada": "tops3cret"})

    [(argv, options, arguments)] = called
    assert b"[name=ada,password=tops3cret]" in arguments
    assert "tops3cret" not in f"{argv}{options['env']}"
    for path in (tmp_path / "kafka").iterdir():
        assert b"tops3cret" not in path.read_bytes()


@pytest.mark.parametrize("password", ["", "tops3cret,x", "tops3cret]"])
def test_a_password_that_the_tool_would_quote_is_refused(
    password: str, called: list[tuple[list[str], dict[str, Any], bytes]], tmp_path: Path
) -> None:
    """By its user's name."""
    with pytest.raises(Stop, match="the password of ada") as stopped:
        kafka.prepare_kafka(tmp_path / "kafka", 1, tmp_path / "jars", scram={"ada": password})

    assert called == []
    assert "tops3cret" not in str(stopped.value)


def test_a_folder_that_java_cannot_open_is_told(tmp_path: Path) -> None:
    """A name of bytes that are no UTF-8."""
    with pytest.raises(Stop, match=r"not UTF-8: .*\\udcff"):
        kafka.prepare_kafka(tmp_path / "caf\udcff", 1, tmp_path / "jars")
