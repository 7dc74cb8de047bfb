"""`python -m bench.peers.bytewax_flow`: Bytewax, scoring what it polled as one batch, at least once.

As fast as its documentation allows: batches of 10,000, flat_map_batch, results queued without waiting between the
batches of a poll. Its recovery store is what makes it at least once.
"""

import orjson
from bytewax import operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from bench.peers.model import Model, open_message, parse_arguments

BATCH_MESSAGES = 10_000


def main() -> None:
    """Score until killed."""
    arguments = parse_arguments(__doc__)
    arguments.state.mkdir(parents=True, exist_ok=True)
    init_db_dir(arguments.state, 1)
    flow = make_flow(arguments.brokers, arguments.source, arguments.target, Model(arguments.model))
    cli_main(flow, recovery_config=RecoveryConfig(str(arguments.state)))


def make_flow(brokers: str, source: str, target: str, model: Model) -> Dataflow:
    """Return the flow from payments to scores."""

    def score(messages: list[KafkaSourceMessage]) -> list[KafkaSinkMessage]:
        payments = [open_message(orjson.loads(message.value)) for message in messages]
        probabilities = model.score([model.to_row(payment) for _, payment in payments]) if payments else []
        return [
            KafkaSinkMessage(transaction_id.encode(), orjson.dumps(model.result(transaction_id, probability)))
            for (transaction_id, _), probability in zip(payments, probabilities, strict=True)
        ]

    flow = Dataflow("scorer")
    payments = op.input("payments", flow, KafkaSource([brokers], [source], batch_size=BATCH_MESSAGES))
    scores = op.flat_map_batch("score", payments, score)
    op.output("scores", scores, KafkaSink([brokers], target, {"compression.type": "lz4"}))
    return flow


if __name__ == "__main__":
    main()
