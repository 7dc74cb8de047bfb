"""Closes consumers within a bounded time, also in the middle of a rebalance.

librdkafka (2.16.0) ends its part of the group as soon as one rebalance callback is answered during close(). A second
callback may be waiting by then: the group asked for partitions, nobody polled, and close() asks for all of them. Its
answer meets a client that is ending, is discarded (rd_kafka_cgrp_op_serve, rkcg_terminated), and incremental_unassign()
waits for ever while it holds the GIL: no other thread runs any more, not even the watchdog. So the second callback is
answered here only once the client refuses answers; docs/experiments.md has the measurements.
"""

import contextlib
import threading
import time
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from services.common.errors import Stop
from services.common.logs import get_logger

CLOSE_SECONDS = 10.0
"""Bound of a close: librdkafka waits 5 s for the answer to a LeaveGroup, and below the watchdogs' 25 s and 45 s."""

LEAVE_SECONDS = 3.0
"""Bound of leaving a group before a consumer is closed."""

ANSWER_SECONDS = 0.2
LAST_MESSAGES = 10_000
PROBE_SECONDS, PAUSE_SECONDS = 0.05, 0.005

Change = Callable[[Consumer, list[TopicPartition]], None]
"""Called with partitions that are assigned or revoked."""


class CloseTimeout(Stop):
    """A consumer did not close in time. Its threads and sockets are left over, so the process should end soon.

    It reads nothing more and sends no heartbeat, so it does not disturb a successor of the same group.instance.id.
    """


def close(consumer: Consumer, seconds: float = CLOSE_SECONDS) -> None:
    """Close a consumer that is in no group: its partitions are assigned by hand. A member: Membership.close().

    Nothing is committed that is not committed by now, unless the consumer commits by itself. KafkaException and
    RuntimeError of close() are suppressed: there is nothing more to close.

    Args:
        seconds: how long to wait, 10 s by default.

    Raises:
        CloseTimeout: it is not closed by then.
    """

    def run() -> None:
        with contextlib.suppress(KafkaException, RuntimeError):
            consumer.close()

    thread = threading.Thread(target=run, name="close consumer", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise CloseTimeout(f"a consumer was not closed within {seconds:.0f} s")


def close_or_leave(consumer: Consumer) -> None:
    """Close a consumer as close() does; log one that does not close in time."""
    try:
        close(consumer)
    except CloseTimeout as error:
        get_logger().warning("consumer_abandoned", reason=str(error))


class Membership:
    """A consumer's membership of a cooperative group, from subscribe() to close().

    Args:
        consumer: with partition.assignment.strategy cooperative-sticky.
        on_assign: must call incremental_assign(). Not called any more once close() has begun.
        on_revoke: called before partitions are released or when they were lost; need not call incremental_unassign().
    """

    def __init__(self, consumer: Consumer, on_assign: Change, on_revoke: Change) -> None:
        self._consumer = consumer
        self._on_assign, self._on_revoke = on_assign, on_revoke
        self._closing = False
        self._answered = False

    def subscribe(self, topics: list[str]) -> None:
        """Join the group, or change the topics."""
        self._consumer.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def leave(self, seconds: float = LEAVE_SECONDS) -> None:
        """Give the partitions back and leave the group, which hands them out at once; close() must follow.

        Not after an error: a member that is made again keeps its place, and the group does not rebalance. Otherwise a
        static member's partitions would wait for its session to end. Messages that were read ahead are dropped.

        Args:
            seconds: how long to wait, 3 s by default; then the group waits for the session after all.
        """
        deadline = time.monotonic() + seconds
        with contextlib.suppress(KafkaException, RuntimeError):
            self._consumer.unsubscribe()  # close() alone would not leave: the member is static (KIP-345)
            while self._consumer.memberid() and time.monotonic() < deadline:
                self._consumer.consume(LAST_MESSAGES, PROBE_SECONDS)  # the partitions are given back in its callback

    def close(self, seconds: float = CLOSE_SECONDS, answer_seconds: float = ANSWER_SECONDS) -> None:
        """Answer what the group has asked for by now, for 0.2 s, then close the consumer.

        A static member does not leave its group: its membership lasts for session.timeout.ms. Messages that were read
        ahead are dropped, nothing is committed. Callbacks run in another thread; when they do, this one waits.

        Args:
            seconds: how long to wait for the end after that, 10 s by default.
            answer_seconds: with 0 the group's requests stay unanswered, as after a kill.

        Raises:
            CloseTimeout: it is not closed by then.
        """
        if answer_seconds:
            with contextlib.suppress(KafkaException, RuntimeError):
                self._consumer.consume(LAST_MESSAGES, answer_seconds)
        self._closing = True
        close(self._consumer, seconds)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if not self._closing:
            self._on_assign(consumer, partitions)
        elif self._may_answer(consumer, partitions):
            consumer.incremental_assign(partitions)  # librdkafka takes it for unassign() now

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._on_revoke(consumer, partitions)
        if self._may_answer(consumer, partitions):
            consumer.incremental_unassign(partitions)

    def _may_answer(self, consumer: Consumer, partitions: list[TopicPartition]) -> bool:
        """Return whether the client still takes an answer; if not, answer once it refuses answers."""
        if not self._closing:
            return True
        if not self._answered:
            self._answered = True
            return True
        # Asked by a call that has a timeout and releases the GIL. close() bounds how long anybody waits for this loop.
        while not _has_ended(consumer, partitions):
            time.sleep(PAUSE_SECONDS)
        with contextlib.suppress(KafkaException):
            consumer.incremental_unassign(partitions)  # else the binding answers by itself, and raises
        return False


def _has_ended(consumer: Consumer, partitions: list[TopicPartition]) -> bool:
    """Return whether a client that is being closed has ended its part of the group, and refuses requests at once."""
    try:
        consumer.committed(partitions, timeout=PROBE_SECONDS)
    except KafkaException as error:
        return bool(error.args[0].code() == KafkaError._DESTROY)
    return False
