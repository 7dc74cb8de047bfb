"""Client libraries with failpoints in them, put in place of the real ones before a service is imported.

scorer: restoring       the changelog is being read
        produced        scores, rejects and history are produced, the offsets are not
        offsets_sent    everything is in the Kafka transaction and has left the process; nothing is committed
        committing      the same, within the call that commits: nothing but the watchdog ends that one
        committed       the Kafka transaction is committed
sink:   copied          rows and offsets are written, the database transaction is not committed
        committed       it is committed, the group has not been told
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import confluent_kafka

from services.common import process as lifecycle
from tests.faults.failpoints import Failpoints

POISON = "FAULTS_POISON_AMOUNT"
"""Name of the variable with the amount that kills the process inside ONNX Runtime."""

WATCHDOG, TRANSACTION_TIMEOUT = "FAULTS_WATCHDOG_SECONDS", "FAULTS_TRANSACTION_TIMEOUT_MS"
"""Names of the variables with timeouts that the settings do not give: they follow from the session's."""


def install_kafka(points: Failpoints) -> None:
    """Put failpoints into confluent_kafka."""

    class FaultyProducer(confluent_kafka.Producer):
        def __init__(self, config: dict[str, Any]) -> None:
            timeout = os.environ.get(TRANSACTION_TIMEOUT)
            given = {"transaction.timeout.ms": timeout} if timeout and "transaction.timeout.ms" in config else {}
            super().__init__(config | given)

        def send_offsets_to_transaction(self, *arguments: Any) -> None:
            points.reach("produced")
            super().send_offsets_to_transaction(*arguments)
            self.flush(30)  # however slow the machine: who is frozen or killed here leaves records behind
            points.reach("offsets_sent")

        def commit_transaction(self, *arguments: Any) -> None:
            points.reach("committing")
            super().commit_transaction(*arguments)
            points.reach("committed")

    class FaultyConsumer(confluent_kafka.Consumer):
        _is_assigned_by_hand = False

        def assign(self, *arguments: Any) -> None:
            self._is_assigned_by_hand = True
            super().assign(*arguments)

        def consume(self, *arguments: Any) -> list[confluent_kafka.Message]:
            messages: list[confluent_kafka.Message] = super().consume(*arguments)
            if messages and self._is_assigned_by_hand:
                points.reach("restoring")
            return messages

    confluent_kafka.Producer = FaultyProducer  # type: ignore[misc, assignment]
    confluent_kafka.Consumer = FaultyConsumer  # type: ignore[misc]


def install_postgres(points: Failpoints) -> None:
    """Put failpoints into psycopg."""
    import psycopg  # noqa: PLC0415  # the scorer has no PostgreSQL

    class FaultyCursor(psycopg.Cursor[Any]):
        def copy(self, *arguments: Any, **options: Any) -> Any:
            self.connection.copies += 1  # type: ignore[attr-defined]
            return super().copy(*arguments, **options)

    class FaultyConnection(psycopg.Connection[Any]):
        copies = 0
        _depth = 0

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.cursor_factory = FaultyCursor

        @contextmanager
        def transaction(self, *arguments: Any, **options: Any) -> Iterator[Any]:
            before, self._depth = self.copies, self._depth + 1
            try:
                with super().transaction(*arguments, **options) as transaction:
                    yield transaction
                    self._reach("copied", before)
                self._reach("committed", before)
            finally:
                self._depth -= 1

        def _reach(self, place: str, copies_before: int) -> None:
            if self._depth == 1 and self.copies > copies_before:
                points.reach(place)

    psycopg.connect = FaultyConnection.connect


def install_watchdog(limit_seconds: float) -> None:
    """Let watchdogs have a limit of so many seconds."""

    class Watchdog(lifecycle.Watchdog):
        def __init__(self, _: float) -> None:
            super().__init__(limit_seconds)

    lifecycle.Watchdog = Watchdog  # type: ignore[misc, assignment]


def install_poison() -> None:
    """Let ONNX Runtime abort the process when a feature is exactly the amount of the environment."""
    import onnxruntime  # noqa: PLC0415  # the sink has no model

    amount = float(os.environ[POISON])

    class FatalSession(onnxruntime.InferenceSession):  # type: ignore[misc]
        def run(self, names: Any, feed: dict[str, Any], *arguments: Any) -> Any:
            if any((features == amount).any() for features in feed.values()):
                os.abort()
            return super().run(names, feed, *arguments)

    onnxruntime.InferenceSession = FatalSession
