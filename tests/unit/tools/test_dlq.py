"""services.tools.dlq: which letters are meant, what stands in their way, what a person is told."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.common.kafka.dead_letters import PREFIX, errors_of
from services.tools.dlq.__main__ import main
from services.tools.dlq.dead_letter import DeadLetter, Selection, obstacle
from services.tools.dlq.replay import BATCH_BYTES, BATCH_LETTERS, batches, headers_again
from services.tools.dlq.summary import Summary, obstacle_lines, printable
from tests.support.messages import nested

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
LETTER = DeadLetter(
    topic="transactions", partition=3, offset=1_042, at=("transactions.dlq", 2, 17), reason="bad_type", field="amount",
    message="expected a number, got str", rejected_at=NOW, attempts=1, replayed=False,
    truncated=False, key=b"Ada|Example|1 Test Lane", value=nested("a"),
    headers=[("traceparent", b"00-1"), (PREFIX + "attempts", b"1"), (PREFIX + "first_seen", b"900")],
)  # fmt: skip


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(), True),
        (Selection(reasons=frozenset({"bad_type", "bad_json"})), True),
        (Selection(reasons=frozenset({"bad_json"})), False),
        (Selection(partitions=frozenset({3})), True),
        (Selection(partitions=frozenset({2})), False),
        (Selection(first_offset=1_042, last_offset=1_042), True),
        (Selection(first_offset=1_043), False),
        (Selection(last_offset=1_041), False),
        (Selection(since=NOW), True),
        (Selection(since=NOW + timedelta(seconds=1)), False),
        (Selection(until=NOW), False),
        (Selection(reasons=frozenset({"bad_type"}), partitions=frozenset({2})), False),
    ],
)
def test_a_selection_takes_what_fits_all_of_it(selection: Selection, taken: bool) -> None:
    """Partition and offset are those of the record in the topic it came from."""
    assert selection.takes(LETTER) is taken


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"replayed": True}, "already replayed"),
        ({"truncated": True}, "truncated"),
        ({"topic": "elsewhere"}, "from another topic than transactions"),
        ({"attempts": 3}, "rejected 3 times"),
        ({"attempts": 2}, None),
    ],
)
def test_what_cannot_be_replayed_is_told_why(change: dict[str, Any], why: str | None) -> None:
    """One reason, the one that no option fixes first."""
    found = obstacle(replace(LETTER, **change), "transactions", 3)

    assert (found is None) if why is None else (why in (found or ""))


def test_a_replayed_record_has_its_own_headers_and_its_story() -> None:
    """The attempts go on, and it says where it comes from."""
    headers = headers_again(LETTER)

    assert headers[0] == ("traceparent", b"00-1")
    assert errors_of(headers) == {"attempts": "1", "first_seen": "900", "replayed_from": "transactions.dlq/2@17"}


def test_batches_are_bounded_in_number_and_bytes() -> None:
    """Nothing is left out, and a single letter larger than a batch is one."""
    half = replace(LETTER, value=bytes(BATCH_BYTES // 2))
    huge = replace(LETTER, value=bytes(BATCH_BYTES + 1))

    assert [len(batch) for batch in batches([LETTER] * (BATCH_LETTERS + 1))] == [BATCH_LETTERS, 1]
    assert [len(batch) for batch in batches([half, half, huge, LETTER])] == [1, 1, 1, 1]
    assert list(batches([])) == []


def test_the_report_counts_by_reason_and_field() -> None:
    """The commonest first, with its first and last time and an example, without the payload."""
    summary = Summary(examples=1)
    for letter in (
        replace(LETTER, rejected_at=NOW - timedelta(hours=1)),
        replace(LETTER, replayed=True),
        replace(LETTER, reason="bad_json", field="", value=b"{", message="unexpected end"),
    ):
        summary.add(letter)
    lines = list(summary.lines())

    assert lines[0] == "3 rejected, 1 of them already replayed"
    assert lines[3].split() == ["2", "1", "bad_type", "amount", "2026-11-24", "02:00:00", "2026-11-24", "03:00:00"]
    assert lines[4].split()[:4] == ["1", "0", "bad_json", "-"]
    text = "\n".join(lines)
    assert "transactions/3@1042  bad_type of amount: expected a number, got str" in text
    assert "attempts 1  id a" in text
    assert text.count("transactions/3@1042") == 2
    assert "25.79" not in text
    assert "Ada" not in text
    assert "Ada|Example|1 Test Lane" in "\n".join(summary.lines(show=True))


def test_nothing_rejected_is_one_line() -> None:
    """No empty table."""
    assert list(Summary(1).lines()) == ["0 rejected, 0 of them already replayed"]


def test_a_terminal_is_told_nothing_by_a_payload() -> None:
    """Escape sequences, bells and right-to-left marks are shown, not obeyed; letters of any alphabet stay."""
    assert printable("\x1b[2Jкража\a\u202e") == "\\x1b[2Jкража\\x07\\u202e"
    summary = Summary(1)
    summary.add(replace(LETTER, value=b"\x1b]0;owned\x07\xff" + b"x" * 10_000, message="\x1b[31m"))

    text = "\n".join(summary.lines(show=True))

    assert "\x1b" not in text
    assert "\\x1b]0;owned" in text
    assert "(10,011 bytes)" in text


def test_obstacles_are_counted() -> None:
    """The commonest first."""
    assert list(obstacle_lines(Counter({"rare": 1, "common": 1_200}))) == [
        "    1,200 skipped: common",
        "        1 skipped: rare",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["inspect", "--reason", "bad_tpye"], "bad_tpye"),
        (["inspect", "--since", "soon"], "soon"),
        (["replay", "--max-attempts", "-1"], "--max-attempts: must be 0 or more"),
        (["replay", "--of", "page"], "page"),
    ],
)
def test_arguments_that_are_not_understood_do_nothing(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and the argument is named."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert said in capsys.readouterr().err
