"""`python -m services.simulator csv|stream`: simulated transactions for tests, demonstrations and load."""

import argparse
import sys
import time
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from confluent_kafka import Producer

from services.common.contract.ids import file_namespace
from services.common.errors import Stop
from services.common.logs import configure_logs, get_logger
from services.common.process import StopSignal
from services.common.settings import KafkaSettings, TopicSettings
from services.simulator.csvfile import customers_for, write_csv
from services.simulator.drift import DriftKind
from services.simulator.live import customers_for_rate, live_messages
from services.simulator.population import make_world
from services.simulator.send import Sender, SendLimits, send


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return the exit code: 0 done or stopped on request, 1 failed."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (Stop, OSError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    return 0


def write_file(options: argparse.Namespace) -> None:
    """Write a CSV file."""
    world = make_world(options.seed, options.customers or customers_for(options.rows))
    write_csv(options.out, world, options.rows, labels=options.labels, shuffle=options.shuffle, drifts=options.drift)


def stream(options: argparse.Namespace) -> None:
    """Send a live stream to Kafka until a limit is reached or the process is asked to stop."""
    configure_logs("simulator")
    stop = StopSignal.install()
    producer = Producer(
        KafkaSettings.read().client_config(
            enable_idempotence=True, partitioner="murmur2_random", linger_ms=5, compression_type="lz4"
        )
    )
    sender = Sender(producer, TopicSettings.read().transactions)
    seed = time.time_ns() if options.seed is None else options.seed
    world = make_world(seed, options.customers or customers_for_rate(options.rate))
    get_logger().info("started", seed=seed, rate=options.rate, customers=len(world.customers.people))
    namespace = file_namespace(sha256(str(seed).encode()).digest())
    messages = live_messages(world, namespace, datetime.now, options.drift)
    send(messages, sender, SendLimits(options.rate, options.count, options.seconds), stop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.simulator", description=__doc__)
    commands = parser.add_subparsers(required=True)
    file = commands.add_parser("csv", help="write a file in the competition's format")
    file.add_argument("--rows", type=_whole, required=True)
    file.add_argument("--seed", type=_seed, default=1, help="the same seed gives the same bytes")
    file.add_argument("--customers", type=_whole, help="default: the square root of rows")
    file.add_argument("--labels", action="store_true", help="add the column target")
    file.add_argument("--shuffle", action="store_true", help="in random order, as the competition's files are")
    file.add_argument("--out", type=Path, required=True)
    _add_drift(file)
    file.set_defaults(run=write_file)
    live = commands.add_parser("stream", help="send transactions that happen now to Kafka")
    live.add_argument("--rate", type=_rate, required=True, help="messages a second")
    live.add_argument("--seed", type=_seed, help="determines customers and ids; default: a new one at each start")
    live.add_argument("--customers", type=_whole, help="default: 3,600 for each message a second, 1,000 to 100,000")
    limit = live.add_mutually_exclusive_group()
    limit.add_argument("--seconds", type=_rate, help="stop after this many seconds")
    limit.add_argument("--count", type=_whole, help="stop after this many messages")
    _add_drift(live)
    live.set_defaults(run=stream)
    return parser


def _add_drift(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--drift",
        type=DriftKind,
        choices=list(DriftKind),
        action="append",
        default=[],
        help="transactions unlike those the model was trained on: prices 2.5 times as high, half of all customers"
        " paying in one category, everybody paying 8 hours later; may be given more than once",
    )


def _whole(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _seed(text: str) -> int:
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


def _rate(text: str) -> float:
    if not 0 < (number := float(text)) < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
