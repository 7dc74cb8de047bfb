"""`python -m services.topics`: create missing topics, and align existing ones."""

import argparse
import sys
import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # re-exported without saying so

from services.common.errors import FraudError, Stop
from services.common.kafka.offsets import wait_for_cluster
from services.common.logs import configure_logs, get_logger
from services.common.settings import GroupNames, KafkaSettings, TopicSettings
from services.scorer.settings import ScorerSettings
from services.topics.align import align
from services.topics.change import delete_history, delete_offsets, grow_topics, wait_until_scorers_left
from services.topics.rights import grant
from services.topics.shape import shapes

BROKER_WAIT_SECONDS = 60.0


def main() -> int:
    """Create the topics, after the changes that are asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.topics", description=__doc__)
    parser.add_argument(
        "--rights", action="store_true", help="grant User:scorer, User:sink, User:page, … their ACLs: docs/security.md"
    )
    change = parser.add_argument_group("changes, while no scorer runs")
    change.add_argument(
        "--grow", action="store_true", help="add partitions up to TOPIC_PARTITIONS; deletes the history"
    )
    change.add_argument("--new-history", action="store_true", help="delete the history")
    change.add_argument("--rescore", action="store_true", help="let the scorers begin with the oldest message")
    options = parser.parse_args()
    configure_logs("topics")
    try:
        kafka, topics = KafkaSettings.read(), TopicSettings.read()
        if options.grow or options.new_history or options.rescore:
            _change_topics(options, kafka, topics)
        make_topics(kafka, topics)
        if options.rights:
            given = grant(AdminClient(kafka.client_config()), topics, GroupNames.read())
            get_logger().info("rights_granted", rights=given)
    except FraudError as error:
        get_logger().critical("stopped", reason=str(error))
        return 1
    return 0


def _change_topics(options: argparse.Namespace, kafka: KafkaSettings, topics: TopicSettings) -> None:
    _wait_for_brokers(kafka)
    admin, scorers = AdminClient(kafka.client_config()), ScorerSettings.read()
    wait_until_scorers_left(kafka, scorers)
    if options.grow:
        grow_topics(admin, topics)
    if options.new_history:
        delete_history(admin, topics)
    if options.rescore:
        delete_offsets(admin, scorers)


def make_topics(kafka: KafkaSettings, topics: TopicSettings) -> None:
    """Create missing topics, and align existing ones.

    Raises:
        Stop: the broker does not answer within a minute, or refuses to create one.
    """
    _wait_for_brokers(kafka)
    admin, wanted = AdminClient(kafka.client_config()), shapes(topics)
    copies = {"min.insync.replicas": str(topics.min_insync_replicas)}
    new = [
        NewTopic(name, shape.partitions, topics.replication_factor, config={**copies, **shape.config})
        for name, shape in wanted.items()
    ]
    existing = []
    for name, future in admin.create_topics(new, operation_timeout=30).items():
        try:
            future.result()
            get_logger().info("topic_created", topic=name, partitions=wanted[name].partitions)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise Stop(f"cannot create the topic {name}: {error.args[0].str()}") from error
            existing.append(name)
    if existing:
        align(admin, topics, existing)


def _wait_for_brokers(kafka: KafkaSettings) -> None:
    deadline = time.monotonic() + BROKER_WAIT_SECONDS

    def wait(seconds: float) -> bool:
        time.sleep(seconds)
        return time.monotonic() > deadline

    if wait_for_cluster(kafka, wait) is None:
        raise Stop(f"no Kafka broker answers within {BROKER_WAIT_SECONDS:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
