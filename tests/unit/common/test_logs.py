"""What the log looks like, and what a library says in it."""

import json
import logging
import os
import subprocess
import sys

import pytest

from services.common.logs import as_text, relay

LOG_A_FAILURE = """
from services.common.logs import configure_logs, get_logger
configure_logs("scorer")
try:
    secret = "4111 1111"
    int("x" * len(secret))
except ValueError:
    get_logger().exception("batch_failed", partition=3, detail="one\\n\\x1b[31mtwo")
"""

LOG_AN_OUTAGE = """
import logging
from services.common.logs import configure_logs
configure_logs("scorer")
library = logging.getLogger("librdkafka")
for client, broker, waited in ((3, "kafka-1", 0), (3, "kafka-1", 1), (13, "kafka-1", 22), (13, "kafka-2", 0)):
    failed = f"{broker}:9092/bootstrap: Connect failed: Connection refused (after {waited}ms in state CONNECT)"
    library.error("%s [%s] %s", "FAIL", f"rdkafka#consumer-{client}", failed)
library.error("%s [%s] %s", "FAIL", "rdkafka#consumer-3", "kafka-1:9092/bootstrap: SASL authentication failed")
"""


def test_a_library_that_repeats_itself_is_heard_seldom(capsys: pytest.CaptureFixture[str]) -> None:
    """The first warning has the cause; the next ones of the same minute would only fill the log."""
    relay("some.library", every_seconds=60)
    for attempt in range(3):
        logging.getLogger("some.library").warning("password authentication failed, attempt %s", attempt)
    logging.getLogger("some.library").info("connected")
    assert capsys.readouterr().out.count("password authentication failed") == 1


def read_by_a_terminal(environment: dict[str, str]) -> str:
    """Return what LOG_A_FAILURE prints when its standard output is a terminal."""
    ours, its = os.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        command = [sys.executable, "-W", "error", "-c", LOG_A_FAILURE]
        subprocess.run(command, stdout=its, env=os.environ | environment, check=True, timeout=60)
        os.close(its)
        shown = b""
        try:
            while chunk := screen.read(4096):
                shown += chunk
        except OSError:  # the end of a terminal that nobody writes to any more
            pass
    return shown.decode()


def read_by_a_program(environment: dict[str, str], program: str = LOG_A_FAILURE) -> str:
    """Return what it prints into a pipe."""
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(
        command, capture_output=True, text=True, env=os.environ | environment, check=True, timeout=60
    ).stdout


def test_librdkafka_is_heard_once_of_an_outage_and_of_each_broker() -> None:
    """While all brokers are down it adds one every 50 ms, and logs that this one does not answer either."""
    lines = read_by_a_program({"LOG_FORMAT": "json"}, LOG_AN_OUTAGE).splitlines()
    first, second, third = [json.loads(line)["detail"] for line in lines]
    assert "kafka-1:9092/bootstrap: Connect failed" in first
    assert "kafka-2:9092/bootstrap: Connect failed" in second
    assert "SASL authentication failed" in third


def test_a_program_reads_json_and_a_person_text() -> None:
    """Unless LOG_FORMAT says otherwise, as it does in compose, where nothing is a terminal."""
    line = json.loads(read_by_a_program({"LOG_FORMAT": ""}))
    assert (line["event"], line["service"], line["partition"]) == ("batch_failed", "scorer", 3)
    shown = read_by_a_terminal({"LOG_FORMAT": ""})
    assert "batch_failed" in shown
    assert "\x1b[" in shown
    assert not shown.startswith("{")
    assert json.loads(read_by_a_terminal({"LOG_FORMAT": "json"}))["event"] == "batch_failed"


def test_text_has_no_escape_sequences_for_a_program_and_no_values_in_a_traceback() -> None:
    """`docker compose logs > file` has no escape sequences; what a value holds does not act on a terminal."""
    text = read_by_a_program({"LOG_FORMAT": "text"})
    first, *traceback = text.splitlines()
    assert "batch_failed" in first
    assert "partition=3" in first
    assert r"detail='one\n\x1b[31mtwo'" in first
    assert "\x1b" not in text
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[-1].startswith("ValueError")
    assert "secret = " not in text.partition("Traceback")[2]


@pytest.mark.parametrize("line", ["", "not json", "[1]", "3", '{"no": "event"}', '{"event": '])
def test_a_line_that_is_not_ours_is_shown_as_it_is(line: str) -> None:
    """PostgreSQL's and Kafka's own lines, a traceback, half a line."""
    assert as_text(line) == line
