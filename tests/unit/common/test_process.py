"""services.common.process and settings: how a process lives."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from services.common.errors import Stop
from services.common.folders import short_hash
from services.common.process import EXIT_STUCK, Backoff, InstanceId
from services.common.settings import client_properties


def test_two_processes_of_a_host_never_share_a_slot(tmp_path: Path) -> None:
    """The second gets the next name; the first name is free again when its process is gone, however it ended."""
    host = f"{socket.gethostname()}-{short_hash(tmp_path)}"
    script = (
        "import os; from pathlib import Path; from services.common.process import InstanceId;"
        f"slot = InstanceId.claim(Path({str(tmp_path)!r}), 'g'); print(slot.name, flush=True); input(); os._exit(9)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdin
        assert other.stdout.readline().decode().strip() == f"g-{host}-0"
        assert InstanceId.claim(tmp_path, "g").name == f"g-{host}-1"
        other.kill()

    assert InstanceId.claim(tmp_path, "g").name == f"g-{host}-0"


def test_slots_in_two_folders_have_two_names(tmp_path: Path) -> None:
    """Of two users or installations: under one name each would fence the other one's Kafka transactions."""
    names = {InstanceId.claim(tmp_path / user, "g").name for user in ("ada", "bob")}

    assert len(names) == 2


def test_no_free_slot_is_said(tmp_path: Path) -> None:
    """Rather than waiting or sharing."""
    held = InstanceId.claim(tmp_path, "g", slots=1)

    with pytest.raises(Stop, match="taken"):
        InstanceId.claim(tmp_path, "g", slots=1)
    assert held.name


def told_by_stuck(script: str) -> bytes:
    """Return what a process printed that its watchdog has ended."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30, check=False)
    assert done.returncode == EXIT_STUCK
    return done.stdout


def test_the_watchdog_ends_a_stuck_process() -> None:
    """With its own exit code, although the main thread hangs, and it logs where that hangs."""
    script = (
        "import time; from services.common.process import Watchdog; Watchdog(0.5).start()\n"
        "def sleeping(): time.sleep(60)\n"
        "sleeping()"
    )

    told = told_by_stuck(script)

    assert b"stuck" in told
    assert b"sleeping" in told


def test_a_call_can_be_watched_more_closely() -> None:
    """The process ends although its loop may take longer; a call that returned in time is not held against it."""
    script = (
        "import time; from services.common.process import Watchdog; watchdog = Watchdog(60).start()\n"
        "with watchdog.within(0.2): pass\n"
        "time.sleep(1.5); print('alive', flush=True)\n"
        "with watchdog.within(0.2): time.sleep(60)"
    )

    assert b"alive" in told_by_stuck(script)


def test_the_watchdog_ends_a_process_whose_lock_is_kept() -> None:
    """No Python code runs any more then, neither that of the watchdog: PyDLL keeps the lock while it sleeps."""
    script = (
        "import ctypes; from services.common import process\n"
        "process.LOCKED_GRACE_SECONDS = 0.5; process.Watchdog(0.5).start()\n"
        "def sleeping(): ctypes.PyDLL(None).sleep(25)\n"
        "sleeping()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=20, check=False)
    assert done.returncode == 1
    assert b"sleeping" in done.stderr


def test_waits_double_up_to_a_limit() -> None:
    """And start again after a success."""
    waited: list[float] = []
    backoff = Backoff(0.1, 1.0)
    for _ in range(6):
        backoff.wait(waited.append)
    backoff.reset()
    backoff.wait(waited.append)

    assert waited == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 0.1])


def test_waits_go_on_through_any_outage() -> None:
    """Two to the power of all failures is beyond a float after 85 minutes."""
    waited: list[float] = []
    backoff = Backoff()
    backoff.failures = 5_000
    backoff.wait(waited.append)

    assert waited == [5.0]
    assert backoff.failures == 5_001


def test_any_librdkafka_property_passes_through() -> None:
    """KAFKA_CONF_<PROPERTY>, so that TLS and SASL need no code."""
    given = {"KAFKA_CONF_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_CONF_SASL_MECHANISM": "PLAIN", "PATH": "/bin"}

    assert client_properties(given) == {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}


@pytest.mark.parametrize("name", ["TRANSACTIONAL_ID", "ISOLATION_LEVEL", "ENABLE_AUTO_COMMIT", "GROUP_INSTANCE_ID"])
def test_what_exactly_once_rests_on_cannot_be_set(name: str) -> None:
    """Such a property stops the start, with its name."""
    with pytest.raises(Stop, match=name.lower().replace("_", ".")):
        client_properties({f"KAFKA_CONF_{name}": "x"})


def test_a_signal_that_reaches_another_thread_ends_the_wait_too() -> None:
    """The kernel chooses the thread; the page waits in its main one for an hour at a time."""
    script = (
        "import signal, threading, time; from services.common.process import StopSignal;"
        "stop = StopSignal.install();"
        "other = threading.Thread(target=time.sleep, args=(20,), daemon=True); other.start();"
        "threading.Timer(0.3, signal.pthread_kill, (other.ident, signal.SIGTERM)).start();"
        "print(stop.wait(3_600))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=15, check=True)

    assert done.stdout == "True\n"
