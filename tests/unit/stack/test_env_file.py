"""`.env` as people save it, and as they break it."""

import os
from pathlib import Path

import pytest

from services.common.errors import Stop
from stack.env_file import check_lines, load_env_file


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file sets is gone after the test."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    for name in ("UI_PORT", "KAFKA_PORT", "UI_PASSWORD"):
        os.environ.pop(name, None)


@pytest.mark.parametrize(
    "content",
    [
        b"UI_PORT=7961\nKAFKA_PORT=19192\n",
        b"\xef\xbb\xbfUI_PORT=7961\nKAFKA_PORT=19192\n",
        b"UI_PORT=7961\r\nKAFKA_PORT=19192\r\n",
        b"\xef\xbb\xbf# \xef\xf0\xe8\xe2\xe5\xf2 in another encoding\r\nUI_PORT=7961\rKAFKA_PORT=19192",
        b'export UI_PORT = 7961   # the page\n\nKAFKA_PORT="19192"\n',
        "UI_PORT=7961\r\nKAFKA_PORT=19192\r\n".encode("utf-16"),
    ],
    ids=["plain", "bom", "crlf", "old-mac-and-ansi-comment", "shell", "powershell"],
)
def test_however_it_was_saved_it_says_the_same(content: bytes, tmp_path: Path) -> None:
    """The first name is whole, and no value ends with a carriage return."""
    (tmp_path / ".env").write_bytes(content)

    assert load_env_file(tmp_path / ".env") == []
    assert (os.environ["UI_PORT"], os.environ["KAFKA_PORT"]) == ("7961", "19192")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """UI_PORT=8080 make up."""
    os.environ["UI_PORT"] = "8080"
    (tmp_path / ".env").write_text("UI_PORT=7961\nKAFKA_PORT=19192\n", encoding="utf-8")

    assert load_env_file(tmp_path / ".env") == []
    assert (os.environ["UI_PORT"], os.environ["KAFKA_PORT"]) == ("8080", "19192")


@pytest.mark.parametrize(
    "line",
    [b"tops3cret", b"UI_PASSWORD: tops3cret", b"UI-PASSWORD=tops3cret", b'UI_PASSWORD="tops3cret', b"=tops3cret",
     b"UI_PASSWORD=tops3cret\xf2", b"UI_PASSWORD=tops3cret\0"],
)  # fmt: skip
def test_a_wrong_line_is_told_by_its_number_and_never_shown(
    line: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The lines around it count."""
    (tmp_path / ".env").write_bytes(b"UI_PORT=7961\n\n# a note\n\n" + line + b"\nKAFKA_PORT=19192\n")
    wrong = load_env_file(tmp_path / ".env")

    assert wrong == [5]
    assert (os.environ["UI_PORT"], os.environ["KAFKA_PORT"]) == ("7961", "19192")
    assert "UI_PASSWORD" not in os.environ
    with pytest.raises(Stop, match=r"\.env: line 5 is not NAME=value") as stopped:
        check_lines(tmp_path / ".env", wrong)
    assert "tops3cret" not in f"{stopped.value}{caplog.text}{''.join(capfd.readouterr())}"


def test_no_file_sets_nothing(tmp_path: Path) -> None:
    """The usual case."""
    assert load_env_file(tmp_path / ".env") == []
    check_lines(tmp_path / ".env", [])
