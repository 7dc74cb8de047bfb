"""`python -m bench.peers.usual_loop`: the usual loop, one message at a time: json, a DataFrame, ONNX Runtime, flush."""

import json
from typing import Any

import pandas as pd
from confluent_kafka import Consumer, Producer

from bench.peers.model import GENDERS, Model, open_message, parse_arguments


def main() -> None:
    """Score until killed."""
    arguments = parse_arguments(__doc__)
    model = Model(arguments.model)
    producer = Producer({"bootstrap.servers": arguments.brokers, "allow.auto.create.topics": False})
    consumer = Consumer(
        {
            "bootstrap.servers": arguments.brokers,
            "allow.auto.create.topics": False,
            "group.id": arguments.group,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([arguments.source])
    while True:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        transaction_id, transaction = open_message(json.loads(message.value() or b""))
        features = to_features(pd.DataFrame([transaction]), model)
        result = model.result(transaction_id, model.score(features.to_numpy("float32"))[0])
        producer.produce(arguments.target, key=transaction_id, value=json.dumps(result))
        producer.flush()


def to_features(transactions: pd.DataFrame, model: Model) -> Any:
    """Return the features as a frame, in the contract's order; features of the history are NaN."""
    times = pd.to_datetime(transactions["transaction_time"])
    features = pd.DataFrame(
        {
            "hour": times.dt.hour,
            "weekday": times.dt.day_of_week,
            "month": times.dt.month,
            "amount": transactions["amount"],
            "category": transactions["cat_id"].map(model.categories).fillna(-1.0),
            "population": transactions["population_city"],
            "gender": transactions["gender"].map(GENDERS),
        }
    )
    return features.reindex(columns=model.features)


if __name__ == "__main__":
    main()
