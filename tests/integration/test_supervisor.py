"""The supervisor, with plans of shell one-liners: real processes, nothing of Kafka or PostgreSQL."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.common.settings import project_root
from stack.processes import ON_LINUX, ProcessId
from stack.report import Entry, Phase, Report, read_report
from stack.service import State

PREAMBLE = """
import os, signal, sys
from pathlib import Path
from services.common.errors import Stop
from services.common.logs import configure_logs
from stack.service import Kind, Service
from stack.supervisor import Supervisor

configure_logs("supervisor")
home = Path(sys.argv[1])

def sh(name, script, **more):
    return Service(name, ("sh", "-c", script), {**os.environ, "HOME_DIR": str(home)}, **more)

def exists(name):
    return lambda: (home / name).exists()
"""

WITHIN_SECONDS = 20.0


class Stack:
    """A supervisor in a process of its own, as `up` would start it."""

    def __init__(self, home: Path, plan: str, on_linux: bool = ON_LINUX) -> None:
        self.home = home
        script = home / "plan.py"
        script.write_text(f"{PREAMBLE}\nplan = [{plan}]\nsys.exit(Supervisor(plan, home).run())\n")
        changed = f"import stack.processes\nstack.processes.ON_LINUX = {on_linux}\n"
        (home / "sitecustomize.py").write_text(changed)  # each Python that is started imports it
        environment = os.environ | {"PYTHONPATH": f"{home}:{project_root()}"}
        self.output = home / "supervisor.out"
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(script), str(home)], env=environment, stdout=output, stderr=output
            )

    def report(self) -> Report:
        report = read_report(self.home)
        assert report is not None
        return report

    def entry(self, name: str) -> Entry:
        return next(entry for entry in self.report().entries if entry.name == name)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_SECONDS
        while not self._holds(condition):
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.02)

    def wait_for_phase(self, phase: Phase) -> None:
        self.wait_for(lambda: self.report().phase is phase)

    def lines(self, name: str) -> list[str]:
        return (self.home / name).read_text().splitlines()

    def _holds(self, condition: Callable[[], bool]) -> bool:
        return read_report(self.home) is not None and condition()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Stack]]:
    stacks: list[Stack] = []

    def start(plan: str, **more: bool) -> Stack:
        stacks.append(Stack(tmp_path, plan, **more))
        return stacks[-1]

    yield start
    for stack in stacks:
        if stack.process.poll() is None:
            stack.process.terminate()
        stack.process.wait(WITHIN_SECONDS)
        if report := read_report(stack.home):
            report.clear_leftovers(1)


def alive(entry: Entry) -> bool:
    return entry.process is not None and entry.process.is_alive


def test_a_service_starts_only_when_what_it_needs_is_ready(start: Callable[[str], Stack]) -> None:
    """A service waits for the readiness of a service and for the end of a job."""
    stack = start(
        """
        sh("base", "sleep 0.5; touch $HOME_DIR/base.ready; echo base >> $HOME_DIR/order; exec sleep 60",
           ready=exists("base.ready")),
        sh("job", "sleep 0.3; echo job >> $HOME_DIR/order", kind=Kind.JOB, needs=("base",)),
        sh("top", "echo top >> $HOME_DIR/order; exec sleep 60", needs=("base", "job")),
        """
    )
    stack.wait_for_phase(Phase.UP)
    stack.wait_for(lambda: len(stack.lines("order")) == 3)
    assert stack.lines("order") == ["base", "job", "top"]
    assert {entry.name: entry.state for entry in stack.report().entries} == {
        "base": State.READY, "job": State.DONE, "top": State.READY,
    }  # fmt: skip


def test_sigterm_stops_services_in_reverse_order(start: Callable[[str], Stack]) -> None:
    """Asked to stop, the supervisor ends the last service first, with its own signal, and exits with 0."""
    stack = start(
        """
        sh("a", "trap 'echo a TERM >> $HOME_DIR/order; exit' TERM; touch $HOME_DIR/a; while :; do sleep 0.05; done",
           ready=exists("a")),
        sh("b", "trap 'echo b INT >> $HOME_DIR/order; exit' INT; touch $HOME_DIR/b; while :; do sleep 0.05; done",
           ready=exists("b"), stop_signal=signal.SIGINT),
        """
    )
    stack.wait_for_phase(Phase.UP)
    stack.process.send_signal(signal.SIGTERM)
    assert stack.process.wait(WITHIN_SECONDS) == 0
    assert stack.lines("order") == ["b INT", "a TERM"]
    assert stack.report().phase is Phase.STOPPED


def test_a_service_deaf_to_its_stop_signal_is_killed_in_time(start: Callable[[str], Stack]) -> None:
    """Stopping is bounded: what does not end by itself is killed, with the children it started."""
    stack = start(
        """
        sh("deaf", "trap '' TERM; sleep 60 & echo $! > $HOME_DIR/child; touch $HOME_DIR/deaf; wait; sleep 60",
           ready=exists("deaf"), stop_within_seconds=0.5),
        """
    )
    stack.wait_for_phase(Phase.UP)
    child = ProcessId.of(int(stack.lines("child")[0]))
    began = time.monotonic()
    stack.process.terminate()
    assert stack.process.wait(WITHIN_SECONDS) == 0
    assert time.monotonic() - began < 5
    assert child is not None
    assert child.wait(2)


def test_a_service_that_exits_is_started_again(start: Callable[[str], Stack]) -> None:
    """A service killed after it was ready comes back with another pid, and the restart is counted."""
    stack = start('sh("s", "exec sleep 60")')
    stack.wait_for_phase(Phase.UP)
    first = stack.entry("s").process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    stack.wait_for(lambda: stack.entry("s").restarts == 1 and stack.entry("s").state is State.READY)
    assert stack.entry("s").process != first
    assert stack.report().phase is Phase.UP


def test_restarts_wait_longer_each_time(start: Callable[[str], Stack]) -> None:
    """The pauses between restarts double from 0.2 s, so that a service that cannot live does not burn the machine."""
    stack = start(
        """
        sh("s", "date +%s.%N >> $HOME_DIR/starts; [ -e $HOME_DIR/once ] || { touch $HOME_DIR/once; sleep 0.5; }",
           ready=exists("once")),
        """
    )
    stack.wait_for(lambda: (stack.home / "starts").exists() and len(stack.lines("starts")) >= 5)
    starts = [float(line) for line in stack.lines("starts")]
    pauses = [later - earlier for earlier, later in itertools.pairwise(starts[1:])]
    assert pauses[0] >= 0.4
    assert pauses[1] >= 0.8
    assert pauses[2] >= 1.6


@pytest.mark.parametrize(
    "plan",
    [
        'sh("good", "exec sleep 60"), sh("culprit", "echo because; exit 3", ready=lambda: False, vital=True)',
        'sh("good", "exec sleep 60"), '
        'sh("culprit", "echo because; exec sleep 60", ready=lambda: False, ready_within_seconds=0.5, vital=True)',
    ],
    ids=["service never lives", "service never ready"],
)
def test_a_vital_service_that_fails_stops_everything(start: Callable[[str], Stack], plan: str) -> None:
    """When the start fails nothing is left running, the exit code is 1, and the culprit's log says why."""
    stack = start(plan)
    assert stack.process.wait(WITHIN_SECONDS) == 1
    report = stack.report()
    assert (report.phase, report.culprit) == (Phase.FAILED, "culprit")
    assert not any(alive(entry) for entry in report.entries)
    assert "because" in (stack.home / "logs" / "culprit.log").read_text()


@pytest.mark.parametrize(
    "culprit",
    [
        'sh("culprit", "echo because; exit 3", kind=Kind.JOB)',
        'sh("culprit", "echo because; exec sleep 60", kind=Kind.JOB, ready_within_seconds=0.5)',
        'sh("culprit", "echo because; [ -e $HOME_DIR/fixed ] || exit 3; exec sleep 60", ready=exists("fixed"))',
        'sh("culprit", "echo because; exec sleep 60", ready=exists("fixed"), ready_within_seconds=0.5)',
    ],
    ids=["job fails", "job hangs", "service never lives", "service never ready"],
)
def test_what_is_not_vital_fails_and_the_others_go_on(start: Callable[[str], Stack], culprit: str) -> None:
    """It is named, nothing else is stopped; a service is tried again, and once it is fixed all is up."""
    stack = start(
        f'sh("good", "exec sleep 60", vital=True), {culprit}, sh("after", "exec sleep 60", needs=("culprit",))'
    )
    stack.wait_for(lambda: stack.report().culprit == "culprit")
    assert stack.report().phase is Phase.STARTING
    assert alive(stack.entry("good"))
    assert stack.entry("after").state is State.WAITING
    if "JOB" in culprit:
        assert stack.entry("culprit").state is State.FAILED
    else:
        (stack.home / "fixed").touch()
        stack.wait_for_phase(Phase.UP)
        assert stack.report().culprit is None
    assert "because" in (stack.home / "logs" / "culprit.log").read_text()
    stack.process.terminate()
    assert stack.process.wait(WITHIN_SECONDS) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the tie is Linux's PR_SET_PDEATHSIG")
def test_kill_9_of_the_supervisor_leaves_nothing_behind(start: Callable[[str], Stack]) -> None:
    """The kernel ends the services of a supervisor that is killed, even those deaf to SIGTERM."""
    stack = start('sh("a", "trap \'\' TERM; exec sleep 60"), sh("b", "exec sleep 60")')
    stack.wait_for_phase(Phase.UP)
    processes = [entry.process for entry in stack.report().entries]
    stack.process.kill()
    stack.process.wait()
    assert all(process is not None and process.wait(3) for process in processes)
    assert stack.report().actual_phase is Phase.KILLED


def test_without_the_kernel_kill_9_of_the_supervisor_leaves_nothing_behind_either(start: Callable[..., Stack]) -> None:
    """The branch of macOS, tried on the system at hand: no prctl, no /proc."""
    stack = start('sh("a", "exec sleep 60"), sh("b", "exec sleep 60")', on_linux=False)
    stack.wait_for_phase(Phase.UP)
    processes = [ProcessId.of(entry.process.pid) for entry in stack.report().entries if entry.process]
    assert len(processes) == 2
    stack.process.kill()
    stack.process.wait()
    assert all(process is not None and process.wait(20) for process in processes)


def test_without_the_kernel_the_supervisor_ends_as_it_does_elsewhere(start: Callable[..., Stack]) -> None:
    """What waits for its death ends with it, and delays nothing."""
    stack = start('sh("a", "exec sleep 60")', on_linux=False)
    stack.wait_for_phase(Phase.UP)
    stack.process.terminate()
    assert stack.process.wait(WITHIN_SECONDS) == 0
    assert stack.report().phase is Phase.STOPPED


def test_leftovers_of_a_killed_supervisor_are_cleared_by_their_recorded_pids(start: Callable[[str], Stack]) -> None:
    """Where no kernel tie exists (macOS), the next start ends what the last report names; strangers are spared."""
    stack = start('sh("s", "exec sleep 60", death_signal=signal.SIGCONT)')  # a tie that ends nothing
    stack.wait_for_phase(Phase.UP)
    stack.process.kill()
    stack.process.wait()
    entry = stack.entry("s")
    assert alive(entry)
    stack.report().clear_leftovers(2)
    assert not alive(entry)


def test_a_recorded_pid_that_belongs_to_another_process_now_is_not_ended() -> None:
    """A number with a different start time is a stranger."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            ProcessId(stranger.pid, "another start").end(signal.SIGKILL, 0.2)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_only_one_supervisor_runs_in_a_home(start: Callable[[str], Stack]) -> None:
    """A second supervisor refuses, and the first goes on."""
    first = start('sh("s", "exec sleep 60")')
    first.wait_for_phase(Phase.UP)
    second = start('sh("s", "exec sleep 60")')
    assert second.process.wait(WITHIN_SECONDS) != 0
    assert "another supervisor runs" in second.output.read_text()
    assert first.report().phase is Phase.UP
    assert first.process.poll() is None
