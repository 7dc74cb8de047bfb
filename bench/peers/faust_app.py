"""`python -m bench.peers.faust_app`: Faust, scoring what waits as one batch, at least once.

As fast as its documentation allows: raw bytes instead of models, take() for batches, uvloop, its compiled streams.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import faust
import orjson
import uvloop

from bench.peers.model import Model, open_message, parse_arguments

BATCH_MESSAGES = 1_000
BATCH_WAIT_SECONDS = 0.1
BUFFER_MESSAGES = 65_536
CHECKPOINT_MESSAGES = 10_000


class Payments(Protocol):
    """What Faust hands to an agent."""

    def take(self, most: int, within: float) -> AsyncIterator[Sequence[bytes]]:
        """Yield lists of what arrived, after so many messages or seconds."""


def main() -> None:
    """Score until SIGTERM."""
    arguments = parse_arguments(__doc__)
    model = Model(arguments.model)
    app = faust.App(
        arguments.group,
        broker=f"kafka://{arguments.brokers}",
        datadir=str(arguments.state),
        broker_commit_every=CHECKPOINT_MESSAGES,
        consumer_auto_offset_reset="earliest",
        key_serializer="raw",
        value_serializer="raw",
        producer_compression_type="lz4",
        producer_linger=0.005,
        stream_buffer_maxsize=BUFFER_MESSAGES,
        topic_disable_leader=True,
        web_enabled=False,
    )
    target = app.topic(arguments.target)

    async def score(payments: Payments) -> None:
        async for values in payments.take(BATCH_MESSAGES, within=BATCH_WAIT_SECONDS):
            opened = [open_message(orjson.loads(value)) for value in values]
            probabilities = model.score([model.to_row(payment) for _, payment in opened])
            for (transaction_id, _), probability in zip(opened, probabilities, strict=True):
                result = model.result(transaction_id, probability)
                await target.send(key=transaction_id.encode(), value=orjson.dumps(result))

    app.agent(app.topic(arguments.source))(score)
    faust.Worker(app, loop=uvloop.new_event_loop(), loglevel="INFO").execute_from_commandline()


if __name__ == "__main__":
    main()
