"""Opens the text of a file: unpacks gzip and zip, decodes UTF-16 with a byte-order mark; by content, not by name."""

import gzip
import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

from services.sender.report import FileFault, FileRefused, Repair

UNPACKED_MAX_BYTES, UNPACKED_MAX_RATIO, ALWAYS_UNPACKED_BYTES = 4 << 30, 200, 16 << 20
"""Limits of what is unpacked, in bytes and as a multiple of the archive's size: a zip bomb would fill the disk."""

_AT_ONCE = 1 << 20
_TEXT_NAMES = frozenset((".csv", ".tsv", ".txt", ".tab"))
_WORKBOOK = "xl/workbook.xml", "xl/workbook.bin", "[Content_Types].xml", "mimetype"
_ENCRYPTED = 1
"""Bit 0 of a member's flags (APPNOTE.TXT, 4.4.4)."""


class Packed(Protocol):
    """A packed file."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` unpacked bytes; none at the end."""


@contextmanager
def opened_text(file: BinaryIO) -> Iterator[tuple[BinaryIO, tuple[Repair, ...]]]:
    """Give the file's text, seekable, and the repairs it took.

    Raises:
        FileRefused: an archive is broken, encrypted or too large, or does not contain exactly one text.
    """
    most = min(UNPACKED_MAX_BYTES, max(ALWAYS_UNPACKED_BYTES, UNPACKED_MAX_RATIO * file.seek(0, io.SEEK_END)))
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        with (
            gzip.GzipFile(fileobj=file) as unzipped,
            _copied(unzipped, most) as text,
            _from_utf16(text) as (plain, repairs),
        ):
            yield plain, (Repair.UNPACKED, *repairs)
    elif start == b"PK\x03\x04" and zipfile.is_zipfile(file):
        with _member(file) as packed, _copied(packed, most) as text, _from_utf16(text) as (plain, repairs):
            yield plain, (Repair.UNPACKED, *repairs)
    else:
        file.seek(0)
        with _from_utf16(file) as found:
            yield found


@contextmanager
def _member(file: BinaryIO) -> Iterator[Packed]:
    """Give the one text of a zip archive."""
    with zipfile.ZipFile(file) as archive:
        names = {info.filename for info in archive.infolist()}
        if names.intersection(_WORKBOOK):
            raise FileRefused(FileFault.SPREADSHEET, "this is a workbook (xlsx, ods): save it as CSV UTF-8")
        files = [info for info in archive.infolist() if not info.is_dir() and not _is_of_the_system(info.filename)]
        texts = [info for info in files if PurePosixPath(info.filename).suffix.lower() in _TEXT_NAMES]
        chosen = texts if texts else files
        if len(chosen) != 1:
            detail = f"the archive contains {len(chosen)} files instead of one CSV"
            raise FileRefused(FileFault.ARCHIVE, f"{detail}: send them one by one")
        if chosen[0].flag_bits & _ENCRYPTED:
            raise FileRefused(FileFault.ARCHIVE, "the archive is encrypted: unpack it first")
        try:
            member = archive.open(chosen[0])
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise _broken(error) from error
        with member:
            yield member


def _is_of_the_system(name: str) -> bool:
    """Return whether a member was added by an operating system: of macOS, hidden, Windows' thumbnails."""
    path = PurePosixPath(name)
    return path.parts[:1] == ("__MACOSX",) or path.name.startswith(".") or path.name in {"Thumbs.db", "desktop.ini"}


@contextmanager
def _copied(packed: Packed, most: int) -> Iterator[BinaryIO]:
    """Give an unpacked copy in a nameless temporary file."""
    with tempfile.TemporaryFile() as text:
        try:
            while block := packed.read(_AT_ONCE):
                text.write(block)
                if text.tell() > most:
                    detail = f"the archive contains more than {most >> 20} MiB: send it unpacked, or in parts"
                    raise FileRefused(FileFault.ARCHIVE, detail)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise _broken(error) from error
        text.seek(0)
        yield text


def _broken(error: Exception) -> FileRefused:
    return FileRefused(
        FileFault.ARCHIVE, f"the archive cannot be unpacked ({type(error).__name__}): unpack it yourself"
    )


@contextmanager
def _from_utf16(file: BinaryIO) -> Iterator[tuple[BinaryIO, tuple[Repair, ...]]]:
    """Give the file as it is, or a copy in UTF-8 of one with the mark of UTF-16 (Excel's "Unicode text")."""
    start = file.read(4)
    file.seek(0)
    if start[:2] not in {b"\xff\xfe", b"\xfe\xff"} or start == b"\xff\xfe\0\0":
        yield file, ()
        return
    with tempfile.TemporaryFile() as text:
        wide = io.TextIOWrapper(file, encoding="utf-16", newline="")
        try:
            while characters := wide.read(_AT_ONCE):
                text.write(characters.encode())
        except UnicodeError:
            raise FileRefused(FileFault.UTF16, "the text is broken UTF-16: save it as CSV UTF-8") from None
        finally:
            wide.detach()
        text.seek(0)
        yield text, (Repair.UTF16,)
