"""`python -m bench.peers.quix`: Quix Streams, one call per message, at least once or exactly once.

Configured for throughput, as its documentation says: bytes in, orjson in the function (Quix's own JSON is orjson too),
few and large checkpoints. It cannot process a batch whose results go to a topic.
"""

from typing import Any

import orjson
from quixstreams import Application

from bench.peers.model import Model, open_message, parse_arguments

CHECKPOINT_MESSAGES = 10_000


def main() -> None:
    """Score until SIGTERM."""
    arguments = parse_arguments(__doc__)
    model = Model(arguments.model)
    application = Application(
        broker_address=arguments.brokers,
        consumer_group=arguments.group,
        auto_offset_reset="earliest",
        processing_guarantee=arguments.guarantee,
        commit_every=CHECKPOINT_MESSAGES,
        state_dir=arguments.state,
        producer_extra_config={"compression.type": "lz4", "linger.ms": 5},
    )
    source = application.topic(arguments.source, key_deserializer="bytes", value_deserializer="bytes")
    target = application.topic(arguments.target, key_serializer="str", value_serializer="json")

    def score(value: bytes) -> dict[str, Any]:
        transaction_id, transaction = open_message(orjson.loads(value))
        return model.result(transaction_id, model.score([model.to_row(transaction)])[0])

    application.dataframe(source).apply(score).to_topic(target, key=lambda result: result["transaction_id"])
    application.run()


if __name__ == "__main__":
    main()
