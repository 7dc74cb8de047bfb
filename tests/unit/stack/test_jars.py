"""The lock of Kafka's jars: what is there and right is not fetched, what is wrong is not used."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.common.errors import Stop
from stack import jars


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of one jar whose content is b"right"."""
    path = tmp_path / "test.lock"
    path.write_text(f"# a comment\n{hashlib.sha256(b'right').hexdigest()}  org.example:thing:1.0\n")
    return path


class FakeArtifact:
    def __init__(self, path: Path, content: bytes | None) -> None:
        self.cached_path = path
        self._content = content

    def resolve(self) -> Path:
        if self._content is None:
            raise OSError("no network")
        self.cached_path.write_bytes(self._content)
        return self.cached_path


class FakeMaven:
    """A Maven repository that answers every coordinate with the same bytes, or not at all."""

    def __init__(self, folder: Path, content: bytes | None) -> None:
        self.artifact = FakeArtifact(folder / "download", content)
        self.asked: list[str] = []

    def create_dependency(self, coordinate: str) -> "FakeMaven":
        self.asked.append(coordinate)
        return self


def serve(monkeypatch: pytest.MonkeyPatch, folder: Path, content: bytes | None) -> FakeMaven:
    maven = FakeMaven(folder, content)
    monkeypatch.setattr(jars, "_maven", lambda _: maven)
    return maven


def test_jars_that_match_the_lock_are_not_fetched(tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start needs no network."""
    (tmp_path / "thing-1.0.jar").write_bytes(b"right")
    maven = serve(monkeypatch, tmp_path, None)
    assert jars.fetch_jars(tmp_path, lock, report=lambda _: None) == 0
    assert maven.asked == []


def test_of_two_that_want_the_jars_one_fetches(tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers of a test run, or a second start while the first one fetches."""
    maven = serve(monkeypatch, tmp_path, b"right")

    def fetch(_: int) -> int:
        return jars.fetch_jars(tmp_path / "jars", lock, report=lambda _: None)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(fetch, range(4))) == [0, 0, 0, 1]
    assert maven.asked == ["org.example:thing:1.0"]


@pytest.mark.parametrize("before", [None, b"cut sho"])
def test_a_missing_or_damaged_jar_is_fetched(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    """What does not match the lock is replaced by what does."""
    folder = tmp_path / "jars"
    if before is not None:
        folder.mkdir()
        (folder / "thing-1.0.jar").write_bytes(before)
    maven = serve(monkeypatch, tmp_path, b"right")
    assert jars.fetch_jars(folder, lock, report=lambda _: None) == 1
    assert maven.asked == ["org.example:thing:1.0"]
    assert (folder / "thing-1.0.jar").read_bytes() == b"right"


def test_a_jar_that_is_not_the_locked_one_is_refused(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repository that serves other bytes stops the start, and its jar is not kept."""
    serve(monkeypatch, tmp_path, b"wrong")
    with pytest.raises(Stop, match=r"org\.example:thing:1\.0: the jar that came is not the one"):
        jars.fetch_jars(tmp_path / "jars", lock, report=lambda _: None)
    assert list((tmp_path / "jars").iterdir()) == []


def test_without_a_network_the_coordinate_is_named(tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its tries a fetch says what it could not get, and why."""
    maven = serve(monkeypatch, tmp_path, None)
    with pytest.raises(Stop, match=r"cannot fetch org\.example:thing:1\.0: check the network.*\(no network\)"):
        jars.fetch_jars(tmp_path / "jars", lock, report=lambda _: None)
    assert len(maven.asked) == jars.DOWNLOAD_TRIES


def test_the_committed_lock_is_of_one_kafka() -> None:
    """All of Kafka's jars are of one version: a mixed class path starts and fails late."""
    versions = {
        coordinate.split(":")[2] for coordinate in jars.read_lock() if coordinate.startswith("org.apache.kafka:")
    }
    assert versions == {"4.3.1"}


def test_the_class_path_holds_the_locked_jars_alone(tmp_path: Path, lock: Path) -> None:
    """A jar of another version that lies in the folder is not used."""
    (tmp_path / "thing-0.9.jar").touch()
    assert jars.classpath(tmp_path / "jars", tmp_path / "kafka", lock) == "../jars/thing-1.0.jar"
