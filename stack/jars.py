"""Kafka's jars: fetched from a Maven repository once, each checked against the committed lock file.

`python -m stack.jars` rewrites the lock.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from services.common.errors import Stop
from stack.progress import Progress

if TYPE_CHECKING:
    from jgo.maven import MavenContext

ROOTS = (
    "org.apache.kafka:kafka_2.13:4.3.1!",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!",
    "org.apache.logging.log4j:log4j-core:2.25.4!",
)
"""The roots that the lock is resolved from. The `!` keeps one root's version wishes from the others: log4j's own parent
manages kafka-clients, and would replace it with a 3.x."""

LOCK = Path(__file__).with_name("kafka.lock")
PARALLEL_DOWNLOADS = 6
DOWNLOAD_TRIES = 3
ADVICE = (
    "check the network; HTTPS_PROXY names a proxy, REQUESTS_CA_BUNDLE its certificates,"
    " ~/.config/jgo.conf another repository"
)


def read_lock(lock: Path = LOCK) -> dict[str, str]:
    """Return Maven coordinate (`group:artifact:version`) -> SHA-256 of its jar, in hex."""
    lines = (
        line.split() for line in lock.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    )
    return {coordinate: sha256 for sha256, coordinate in lines}


def classpath(folder: Path, seen_from: Path, lock: Path = LOCK) -> str:
    """Return the class path of the locked jars in a folder, for a JVM that runs in `seen_from`.

    Relative, since the path above both may contain a colon, or letters unknown to the JVM's locale.
    """
    relative = Path(os.path.relpath(folder.resolve(), seen_from.resolve()))
    return ":".join(str(jar_path(relative, coordinate)) for coordinate in read_lock(lock))


def jar_path(folder: Path, coordinate: str) -> Path:
    """Return the path of the jar of a coordinate."""
    _, artifact, version = coordinate.split(":")
    return folder / f"{artifact}-{version}.jar"


def fetch_jars(folder: Path, lock: Path = LOCK, report: Callable[[str], object] = print) -> int:
    """Bring the folder in line with the lock; return how many jars were fetched: 0 needs no network.

    Of several processes that want the same folder one fetches, and the others wait for it.

    Raises:
        Stop: a jar cannot be fetched, or what comes is not what is locked.
    """
    locked = read_lock(lock)
    if not _missing(folder, locked):
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # ends with the file
        return _fetch_missing(folder, locked, report)


def _missing(folder: Path, locked: Mapping[str, str]) -> list[str]:
    return [coordinate for coordinate, sha256 in locked.items() if not _is_intact(jar_path(folder, coordinate), sha256)]


def _fetch_missing(folder: Path, locked: Mapping[str, str], report: Callable[[str], object]) -> int:
    missing = _missing(folder, locked)
    if not missing:
        return 0
    report(f"fetching {len(missing)} jars of Kafka, once")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as draft:
        maven = _maven(Path(draft))
        with ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
            tasks = [pool.submit(_fetch, maven, coordinate, locked[coordinate], folder) for coordinate in missing]
            progress = Progress(len(tasks))
            try:
                for done, task in enumerate(tasks):
                    progress.show(done, missing[done])
                    task.result()
            finally:
                progress.clear()
                pool.shutdown(cancel_futures=True)
    return len(missing)


def write_lock(lock: Path, roots: Sequence[str], header: str) -> None:
    """Resolve the roots and write what they need, with hashes, to the lock file."""
    with tempfile.TemporaryDirectory() as draft:
        maven = _maven(Path(draft))
        resolved, rest = maven.resolver.resolve([maven.create_dependency(root) for root in roots])
        artifacts = [dependency.artifact for dependency in (*resolved, *rest)]
        lines = {
            f"{_sha256(artifact.resolve())}  {artifact.groupId}:{artifact.artifactId}:{artifact.version}\n"
            for artifact in artifacts
        }
    lock.write_text(f"# {header}\n" + "".join(sorted(lines, key=lambda line: line.split()[1])), encoding="utf-8")


def _fetch(maven: "MavenContext", coordinate: str, sha256: str, folder: Path) -> None:
    for attempt in range(1, DOWNLOAD_TRIES + 1):
        artifact = maven.create_dependency(coordinate).artifact
        try:
            draft = artifact.resolve()
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors; not found is a RuntimeError
            if attempt == DOWNLOAD_TRIES:
                raise Stop(f"cannot fetch {coordinate}: {ADVICE} ({error})") from error
            if artifact.cached_path:
                artifact.cached_path.unlink(missing_ok=True)
        else:
            break
    if not _is_intact(draft, sha256):
        raise Stop(f"{coordinate}: the jar that came is not the one locked (SHA-256 {_sha256(draft)})")
    draft.replace(jar_path(folder, coordinate))


def _maven(cache: Path) -> "MavenContext":
    """Return a Maven client that keeps its files in `cache` and knows the user's own repositories (jgo.conf)."""
    from jgo.config import GlobalSettings  # noqa: PLC0415  # takes 0.3 s, and is not needed once the jars are there
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415
    from jgo.maven import MavenContext  # noqa: PLC0415

    repositories = {"central": MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories
    return MavenContext(repo_cache=cache, remote_repos=repositories, timeout=30)


def _is_intact(path: Path, sha256: str) -> bool:
    return path.is_file() and _sha256(path) == sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    write_lock(
        LOCK,
        ROOTS,
        "The jars of Apache Kafka, with their SHA-256. Written by `make lock` from the roots in stack/jars.py.",
    )
