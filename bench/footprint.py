"""Start-up time of the scorer, up to its first score, and the sizes of the images."""

import itertools
import shutil
import subprocess
import time

from confluent_kafka import Consumer, TopicPartition

from bench.figures import Figure, Figures, Goal, figure
from bench.messages import send
from bench.servers import Servers, end
from services import __version__
from services.common.errors import Stop
from services.common.kafka.closing import close
from services.common.settings import project_root
from tests.support.messages import nested
from tests.support.topics import CUSTOMER

BUILD_SECONDS = 600
FIRST_SCORE_SECONDS = 60
IMAGES = {"fraud-scorer": Goal(at_most=220), "fraud-sink": Goal(at_most=70), "fraud-ui": None}
"""Image -> goal in megabytes beyond python:3.13-slim, which itself takes 120 to 130."""

LAST_STEP_OF_BASE = 'CMD ["python3"]'
"""The last step of every official Python image."""


def measure(servers: Servers, rounds: int) -> Figures:
    """Return seconds from start to first score, and megabytes of each image where there is a Docker engine."""
    seconds = [_first_score(servers, number) for number in range(rounds)]
    print(f"  first score after {seconds[-1]:.2f} s", flush=True)
    goal = Goal(at_most=2)
    return {"start": figure("scorer, from start to its first score", seconds, "s", goal=goal)} | _images(servers)


def _first_score(servers: Servers, number: int) -> float:
    """Return seconds from the start of the process until the score of a waiting transaction can be read."""
    topics = servers.make_topics(f"start-{number}")
    send(servers, topics.transactions, [(CUSTOMER or b"", nested("first"))])
    consumer = Consumer(
        {
            "bootstrap.servers": servers.kafka.bootstrap,
            "allow.auto.create.topics": False,
            "group.id": "start",
            "isolation.level": "read_committed",
        }
    )
    consumer.assign([TopicPartition(topics.scores, place.partition, 0) for place in servers.partitions(topics.scores)])
    consumer.poll(1)
    started = time.perf_counter()
    scorer = servers.start("scorer", topics)
    try:
        while (message := consumer.poll(0.1)) is None or message.error():
            if time.perf_counter() - started > FIRST_SCORE_SECONDS:
                raise Stop(f"no score within {FIRST_SCORE_SECONDS} s:\n{scorer.text()[-2000:]}")
        return time.perf_counter() - started
    finally:
        scorer.process.terminate()
        end(scorer.process)
        close(consumer)


def _images(servers: Servers) -> Figures:
    """Return what the images add to their base; nothing where there is no Docker engine to build them."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True, check=False).returncode != 0:
        servers.leave_out("image sizes", "no Docker engine on this machine")
        return {}
    build = [docker, "compose", "build", "--quiet", *(name.removeprefix("fraud-") for name in IMAGES)]
    try:
        subprocess.run(build, cwd=project_root(), capture_output=True, timeout=BUILD_SECONDS, check=True)
    except subprocess.SubprocessError as error:
        servers.leave_out("image sizes", f"they cannot be built: {error}")
        return {}
    return {name.replace("fraud-", "image_"): _image(docker, name, goal) for name, goal in IMAGES.items()}


def _image(docker: str, name: str, goal: Goal | None) -> Figure:
    """Return the megabytes that an image adds to its base."""
    layout = ("--no-trunc", "--human=false", "--format", "{{.Size}} {{.CreatedBy}}")
    done = subprocess.run(
        [docker, "history", *layout, f"{name}:{__version__}"], capture_output=True, text=True, check=True
    )
    steps = [(int(size), made_by) for size, _, made_by in (line.partition(" ") for line in done.stdout.splitlines())]
    ours = itertools.takewhile(lambda step: LAST_STEP_OF_BASE not in step[1], steps)
    added, total = (sum(size for size, _ in some) / 1e6 for some in (ours, steps))
    return figure(f"image {name}, beyond its base", [added], "MB", goal=goal, note=f"{total:.0f} MB with its base")
