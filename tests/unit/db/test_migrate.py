"""The database's address, which dbmate and libpq repeat in their errors."""

import pytest

from db.migrate import without_password
from services.common.errors import Stop


@pytest.mark.parametrize(
    ("given", "told", "password"),
    [
        ("postgres://u:a%40b%25@h:5432/d?sslmode=disable", "postgres://u@h:5432/d?sslmode=disable", "a@b%"),
        ("postgresql://u:p@h/d?sslrootcert=%2Fca.pem", "postgresql://u@h/d?sslrootcert=%2Fca.pem", "p"),
        ("postgres://u:p@ss@h/d", "postgres://u@h/d", "p@ss"),
        ("postgres://u@[::1]:1/d?password=p", "postgres://u@[::1]:1/d", "p"),
        ("postgres://u@h/d", "postgres://u@h/d", None),
    ],
)
def test_the_password_is_taken_out_of_the_address(given: str, told: str, password: str | None) -> None:
    """Whatever is written in it as URLs have it; the rest stays."""
    assert without_password(given) == (told, password)


@pytest.mark.parametrize(
    "url",
    ["postgres://u:tops3#cret@h/d", "postgres://u:tops3/cret@h/d", "postgres://u:12?cret@h/d", "postgres://u:1/cret@h/d",
     "postgres://u:cret@[h/d", "postgres://u:cret@h:tops3/d", "u:tops3cret@h/d"],
)  # fmt: skip
def test_a_wrong_address_is_refused_without_being_told(url: str) -> None:
    """A mark that is not escaped makes half of a password a port, which every error names."""
    with pytest.raises(Stop, match="DATABASE_URL is not postgres://") as stopped:
        without_password(url)
    assert "cret" not in str(stopped.value)
    assert "tops3" not in str(stopped.value)
