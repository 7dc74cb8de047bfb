"""What a person sees: the table and the logs."""

import os
from pathlib import Path

import pytest

from services.common.errors import Stop
from stack.processes import ProcessId, this_process
from stack.report import Entry, Phase, Report, read_report, report_path, write_report
from stack.service import Kind, State
from stack.show import print_logs, progress_line, status_table, tail

GONE = ProcessId(2**22 + 1, "never")


def entry(name: str, state: State, process: ProcessId | None, **more: object) -> Entry:
    values = {
        "name": name, "kind": Kind.SERVICE, "state": state, "since": 1_000.0, "took_seconds": 2.5, "restarts": 0,
        "address": "127.0.0.1:1", "stop_signal": 15, "process": process,
    }  # fmt: skip
    return Entry(**values | more)  # type: ignore[arg-type]  # a table of values


def test_the_table_shows_state_pid_uptime_restarts_and_address() -> None:
    """One line a service, and the whole in the last."""
    report = Report(Phase.UP, this_process(), (entry("kafka", State.READY, this_process(), restarts=3),))
    line = status_table(report, now=1_000.0 + 3_725).splitlines()[1]
    assert line.split() == ["kafka", "ready", str(os.getpid()), "1:02:05", "3", "127.0.0.1:1"]


def test_what_a_killed_supervisor_reported_is_not_believed() -> None:
    """Services said to be ready whose processes are gone are shown as killed, and so is the stack."""
    table = status_table(Report(Phase.UP, GONE, (entry("kafka", State.READY, GONE),)), now=2_000.0)
    assert "kafka      killed" in table
    assert table.splitlines()[-1].startswith("killed, no supervisor")


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Nothing is lost on the way through the file."""
    report = Report(
        Phase.FAILED, GONE, (entry("a", State.FAILED, None), entry("b", State.DONE, GONE)), {"UI_PORT": 1}, "a"
    )
    write_report(tmp_path, report)
    assert read_report(tmp_path) == report


@pytest.mark.parametrize("content", ["", "[]", '{"phase": "up"}', '{"phase": "no such phase"}'])
def test_a_report_that_cannot_be_understood_is_no_report(tmp_path: Path, content: str) -> None:
    """A file of another version, or a damaged one, does not make every command fail."""
    report_path(tmp_path).write_text(content)
    assert read_report(tmp_path) is None


def test_a_ready_service_is_told_with_its_time_and_address() -> None:
    """The line of `up` says how long it took and where it is."""
    assert progress_line(entry("kafka", State.READY, GONE)).split() == ["kafka", "ready", "2.5", "s", "127.0.0.1:1"]


def test_logs_of_all_services_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With one service the lines are bare, so that JSON stays JSON."""
    (tmp_path / "scorer.log").write_text("one\n")
    (tmp_path / "sink.log").write_text("two\n")
    print_logs(tmp_path, None, follow=False)
    assert capsys.readouterr().out.splitlines() == ["scorer     | one", "sink       | two"]
    print_logs(tmp_path, "sink", follow=False)
    assert capsys.readouterr().out == "two\n"


def test_json_is_shown_as_text_to_a_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a terminal, or with LOG_FORMAT=text; what is not JSON stays as it is."""
    (tmp_path / "sink.log").write_text('{"event": "batches_stored", "level": "info", "records": 7}\nTraceback\n')
    monkeypatch.setenv("LOG_FORMAT", "text")
    print_logs(tmp_path, "sink", follow=False)
    shown, rest = capsys.readouterr().out.splitlines()
    assert shown.split() == ["[info", "]", "batches_stored", "records=7"]
    assert rest == "Traceback"


def test_an_unknown_log_is_told_with_those_there_are(tmp_path: Path) -> None:
    """A misspelt name is answered with the right ones."""
    (tmp_path / "scorer.log").touch()
    with pytest.raises(Stop, match=r"no log of scorre .* scorer"):
        print_logs(tmp_path, "scorre", follow=False)


def test_the_tail_is_the_end_of_a_log(tmp_path: Path) -> None:
    """Of a long log the last lines, of a missing one nothing."""
    log = tmp_path / "x.log"
    assert tail(log) == ""
    log.write_text("".join(f"{line}\n" for line in range(100)))
    assert tail(log, 3) == "97\n98\n99"
