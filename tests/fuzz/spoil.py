"""Spoils bytes the way broken programs, disks and networks do."""

from random import Random

_PIECES = (
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\x98", b"\x85",
    b"\xe2\x80\xa8", b"\\", b'"', b"'", b",", b";", b"\t", b":", b"{", b"}", b"[", b"]", b"\n", b"\r", b"\r\n", b"\x1f",
    b"\x7f", b"NaN", b"-", b"1e999", b"\\ud800", b"\\u0000", b"//", b"0" * 40, b'""', b"'\"",
)  # fmt: skip


def spoil(random: Random, value: bytes) -> bytes:
    """Return the bytes with a few faults in them."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        value = random.choice((_cut, _drop, _repeat, _insert, _insert, _flip, _flip, _swap))(random, value)
    return value


def _cut(random: Random, value: bytes) -> bytes:
    return value[: random.randint(0, len(value))]


def _drop(random: Random, value: bytes) -> bytes:
    start, end = _span(random, value)
    return value[:start] + value[end:]


def _repeat(random: Random, value: bytes) -> bytes:
    start, end = _span(random, value)
    return value[:end] + value[start:]


def _insert(random: Random, value: bytes) -> bytes:
    place = random.randint(0, len(value))
    return value[:place] + random.choice(_PIECES) + value[place:]


def _flip(random: Random, value: bytes) -> bytes:
    if not value:
        return value
    place = random.randrange(len(value))
    return value[:place] + bytes([value[place] ^ 1 << random.randrange(8)]) + value[place + 1 :]


def _swap(random: Random, value: bytes) -> bytes:
    start, end = _span(random, value)
    return value[end:] + value[start:end] + value[:start]


def _span(random: Random, value: bytes) -> tuple[int, int]:
    start = random.randint(0, len(value))
    return start, min(len(value), start + random.choice((1, 2, 5, 30)))
