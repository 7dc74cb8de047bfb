"""The doctor's checks of machine and ports, and its verdict."""

import shutil
import socket
from pathlib import Path

import pytest

from services.common.settings import project_root
from services.tools.doctor.__main__ import report
from services.tools.doctor.finding import Finding, Status, fail, found_by, ok, warn
from services.tools.doctor.machine import check_contract, check_disk, check_memory, check_python
from services.tools.doctor.probes import check_rejects
from stack.ports import free_port
from stack.settings import StackSettings
from stack.show import print_ports


def statuses(findings: object) -> list[Status]:
    return [finding.status for finding in findings]  # type: ignore[attr-defined]


def test_an_old_python_is_told_with_the_cure() -> None:
    """3.10 lacks what the code is written with."""
    [finding] = check_python((3, 10, 4))

    assert str(finding).startswith("FAIL  python       3.10.4 is too old  -> install 3.11")
    assert statuses(check_python((3, 11, 0))) == [Status.OK]


def contract_of(tmp_path: Path, old: str = "", new: str = "") -> list[Finding]:
    """Return what is found of the shipped folder with a text of its contract replaced."""
    folder = shutil.copytree(project_root() / "onnx", tmp_path / "model", ignore=shutil.ignore_patterns("*.py"))
    contract = folder / "contract.toml"
    contract.write_text(contract.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return [*check_contract(folder)]


def test_the_contract_is_told_with_its_size(tmp_path: Path) -> None:
    """And that it is the manifest's."""
    [finding] = contract_of(tmp_path)

    assert str(finding) == "OK    contract     card transactions: 17 fields, 24 features"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[record]", "[record", "contract.toml: "),
        ('{ hour = "transaction_time"', '{ minute = "transaction_time"', "features.hour: "),
        ('"risk.json"', '"none.json"', "none.json cannot be read"),
        ("# the customer", "# a person", "are not those that the manifest was written for"),
    ],
)
def test_a_contract_that_cannot_be_used_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    """No TOML, no such operation, no table, and one that was changed after its manifest was written."""
    [finding] = contract_of(tmp_path, old, new)

    assert finding.status is Status.FAIL
    assert said in finding.text
    assert finding.fix


def test_a_folder_without_a_manifest_has_no_finding_of_its_contract(tmp_path: Path) -> None:
    """The model has it already."""
    folder = shutil.copytree(
        project_root() / "onnx", tmp_path / "model", ignore=shutil.ignore_patterns("manifest.json")
    )

    assert [*check_contract(folder)] == []


@pytest.mark.parametrize(("little", "status"), [(0, Status.OK), (10**6, Status.FAIL)])
def test_a_full_disk_is_told(tmp_path: Path, little: float, status: Status) -> None:
    """By how much is free, against what is little."""
    assert statuses(check_disk(tmp_path, little)) == [status]


def test_little_memory_is_told(tmp_path: Path) -> None:
    """Of what the system says is available; a system that does not say has no finding."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 16000000 kB\nMemAvailable: 400000 kB\n")

    assert statuses(check_memory(meminfo)) == [Status.WARN]
    assert statuses(check_memory(tmp_path / "none")) == []


def test_a_port_that_is_taken_is_told_with_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    """While the stack does not run, somebody else has it."""
    ports = {name: free_port() for name in StackSettings.read().ports()}
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", ports["UI_PORT"]))
        squatter.listen()
        print_ports(StackSettings.read().with_ports(ports))
    taken = capsys.readouterr().out
    print_ports(StackSettings.read().with_ports(ports))

    assert taken.startswith("FAIL  ports")
    assert f"port {ports['UI_PORT']} is in use" in taken
    assert "set UI_PORT" in taken
    assert capsys.readouterr().out.startswith("WARN  ports        the stack does not run; its ports are free")


def test_rejects_are_told_topic_by_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an alarm where a service raises one; a service that does not answer has no finding here."""
    told = """
fraud_sink_reject_limit_broken{topic="scores"} 1.0
fraud_sink_reject_share{topic="scores"} 0.625
fraud_sink_rejects_in_a_row{topic="scores"} 1200.0
fraud_sink_reject_limit_broken{topic="alerts"} 0.0
fraud_sink_reject_share{topic="alerts"} 0.0
"""
    monkeypatch.setattr("services.tools.doctor.probes._get", lambda _: (200, told))
    [bad] = check_rejects("sink", "http://sink")

    assert bad.status is Status.WARN
    assert bad.text == "sink rejects 62.5% of the latest messages of scores, 1,200 in a row"
    quiet = told.replace('broken{topic="scores"} 1.0', 'broken{topic="scores"} 0.0')
    monkeypatch.setattr("services.tools.doctor.probes._get", lambda _: (200, quiet))
    [good] = check_rejects("sink", "http://sink")
    assert (good.status, good.text) == (Status.OK, "sink rejects 62.5% of the latest messages")
    monkeypatch.setattr("services.tools.doctor.probes._get", lambda _: (None, ""))
    assert [*check_rejects("sink", "http://sink")] == []


def test_a_check_that_breaks_down_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    """And the others are made all the same."""

    def broken() -> "list[Finding]":
        raise RuntimeError("no idea\nmore")

    [finding] = found_by("idea", lambda: iter(broken()))
    assert "check failed: RuntimeError: no idea" in finding.text


def test_only_what_is_broken_makes_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings alone are no failure."""
    assert report(iter([ok("a", "fine"), warn("b", "so so", "look")])) == 0
    assert report(iter([ok("a", "fine"), fail("b", "gone", "start it")])) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 error, 0 warnings, 1 ok"
