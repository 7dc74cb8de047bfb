"""Closes many members of groups in the middle of rebalances, in a process of its own that ends if one of them hangs.

`python -m tests.support.closings BOOTSTRAP TOPIC static|dynamic ours|plain`: for each line on standard input members
join, about half of them without polling; "joined" is printed, another line is waited for, and all are closed at once.
Then a line of JSON says how long each close took, and how many answers had to wait for the end of their client.
"""

import faulthandler
import json
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from confluent_kafka import Consumer, TopicPartition

from services.common.kafka import closing
from services.common.kafka.closing import CloseTimeout, Membership
from tests.support.processes import ROOT

GROUPS, MEMBERS = 3, 3
JOIN_SECONDS = 2.5
HUNG_SECONDS = 40
"""After so long without an answer a round hangs: a close is bounded by 10 s."""


@dataclass
class Closings:
    """What was closed. `seconds` has how long each close took."""

    seconds: list[float] = field(default_factory=list)
    timeouts: int = 0
    late: int = 0
    hung: bool = False


class Child:
    """The process that closes."""

    def __init__(self, process: "subprocess.Popen[str]", found: Closings) -> None:
        self._process = process
        self._found = found

    def round(self, before_close: Callable[[], object] = lambda: None) -> None:
        """Let members join and close them; what `before_close` does happens in between."""
        if self._say_and_hear() is None:
            return
        before_close()
        if (told := self._say_and_hear()) is None:
            return
        answer = json.loads(told)
        self._found.seconds += answer["seconds"]
        self._found.timeouts += answer["timeouts"]
        self._found.late += answer["late"]

    def _say_and_hear(self) -> str | None:
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:  # faulthandler has ended it
            self._found.hung = True
        return line or None


@contextmanager
def closings(bootstrap: str, topic: str, kind: str, way: str = "ours") -> Iterator[tuple[Child, Closings]]:
    """Run the process while the block lasts; yield it and what is counted."""
    command = [sys.executable, "-m", "tests.support.closings", bootstrap, topic, kind, way]
    found = Closings()
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Child(process, found), found
        finally:
            process.kill()


class _Late:
    """Counts the answers that came when the client had ended."""

    def __init__(self) -> None:
        self.count = 0
        self._has_ended = closing._has_ended
        closing._has_ended = self._look

    def _look(self, consumer: Consumer, partitions: list[TopicPartition]) -> bool:
        ended = self._has_ended(consumer, partitions)
        self.count += ended
        return ended


def _join(config: dict[str, object], topic: str, way: str) -> tuple[Consumer, Callable[[], None]]:
    consumer = Consumer(config)
    if way == "plain":
        callbacks = {"on_assign": Consumer.incremental_assign, "on_revoke": Consumer.incremental_unassign}
        consumer.subscribe([topic], **callbacks)
        return consumer, consumer.close
    membership = Membership(consumer, Consumer.incremental_assign, lambda *_: None)
    membership.subscribe([topic])
    answer_seconds = random.choice([0, closing.ANSWER_SECONDS])
    return consumer, lambda: membership.close(answer_seconds=answer_seconds)


def _main() -> None:
    bootstrap, topic, kind, way = sys.argv[1:]
    late, group = _Late(), uuid.uuid4().hex
    while sys.stdin.readline():
        faulthandler.dump_traceback_later(HUNG_SECONDS, exit=True)
        seconds: list[float] = []
        timeouts: list[str] = []
        go = threading.Event()

        def work(number: int) -> None:
            config: dict[str, object] = {
                "bootstrap.servers": bootstrap,
                "group.id": f"{group}-{number % GROUPS}",
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": 6_000,
                "heartbeat.interval.ms": 100,
                "allow.auto.create.topics": False,
                "log_level": 0,
            }
            if kind == "static":
                config["group.instance.id"] = str(number)
            time.sleep(random.uniform(0, JOIN_SECONDS / 2))
            consumer, close = _join(config, topic, way)
            polls = random.random() < 0.5
            while not go.wait(0.01 if polls else 1):  # noqa: B023  # ends within the round
                if polls:
                    consumer.poll(0.1)
            started = time.monotonic()
            try:
                close()
            except CloseTimeout as error:
                timeouts.append(str(error))  # noqa: B023
            seconds.append(round(time.monotonic() - started, 3))  # noqa: B023

        threads = [threading.Thread(target=work, args=[number], daemon=True) for number in range(GROUPS * MEMBERS)]
        for thread in threads:
            thread.start()
        time.sleep(JOIN_SECONDS)
        print("joined", flush=True)
        sys.stdin.readline()
        go.set()
        for thread in threads:
            thread.join()
        print(json.dumps({"seconds": seconds, "timeouts": len(timeouts), "late": late.count}), flush=True)
        late.count = 0


if __name__ == "__main__":
    _main()
