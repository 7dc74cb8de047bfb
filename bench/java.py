"""The peer that is written in Java: its jars, fetched by hash like those of the broker, and its class, compiled once.

`python -m bench.java` locks the jars again.
"""

import shutil
import subprocess

from bench.venvs import HOME
from services.common.errors import Stop
from services.common.settings import project_root
from stack.jars import classpath, fetch_jars, read_lock, write_lock

SOURCE = project_root() / "bench" / "peers" / "KafkaStreamsPeer.java"
LOCK = SOURCE.with_name("kafka-streams.lock")
ROOTS = ("org.apache.kafka:kafka-streams:4.3.1", "com.microsoft.onnxruntime:onnxruntime:1.29.0")
"""Kafka Streams of the broker's version; the newest ONNX Runtime that is published for Java."""

JAVA_RELEASE = "17"


def java_command() -> list[str]:
    """Return what starts a class of the peer from the project's root, up to the name of the class.

    Raises:
        Stop: no JDK of at least release 17 is on this machine, or a jar cannot be fetched.
    """
    javac, java = shutil.which("javac"), shutil.which("java")
    if not (javac and java):
        raise Stop("no JDK (javac) on this machine")
    home = HOME / "kafka-streams"
    classes = home / "classes"
    fetch_jars(home / "jars", LOCK)
    path = classpath(home / "jars", project_root(), LOCK)
    compile_source = [javac, "--release", JAVA_RELEASE, "-cp", path, "-d", str(classes), str(SOURCE)]
    done = subprocess.run(compile_source, cwd=project_root(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Stop(f"{SOURCE.name} cannot be compiled: {(done.stdout + done.stderr).strip()}")
    return [java, "-Xmx1g", "-cp", f"{classes.relative_to(project_root())}:{path}"]


def locked_jar_version(artifact: str) -> str:
    """Return the version of a jar in the lock."""
    versions = dict(coordinate.split(":")[1:] for coordinate in read_lock(LOCK))
    return versions[artifact]


if __name__ == "__main__":
    write_lock(
        LOCK, ROOTS, "The jars of bench/peers/KafkaStreamsPeer.java, with their SHA-256. Written by `make lock`."
    )
