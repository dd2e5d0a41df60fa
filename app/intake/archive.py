"""Opens what was uploaded: plain, or packed as gzip, bzip2, zstd or a zip of one file. Its first bytes tell which.

Never trusts a declared size. A spreadsheet is a zip too; it is passed on as it is.
"""

from __future__ import annotations

import bz2
import gzip
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

import pyarrow as pa

from app.intake.errors import (
    BrokenArchiveError,
    EmptyFileError,
    TooLargeError,
    TruncatedFileError,
    UnsafeArchiveError,
    UnsupportedArchiveError,
)
from app.intake.model import IntakeLimits

GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
PARQUET = b"PAR1"
BZIP2 = b"BZh"
ZSTD = b"\x28\xb5\x2f\xfd"
SPREADSHEET = "[Content_Types].xml"
"""The member that tells an Office file from other zips."""
SPREADSHEET_BEGINS = (SPREADSHEET.encode(), b"_rels/", b"docProps/", b"xl/")
"""The name of the first member of an xlsx file begins with one of these."""
LOCAL_NAME = 30
"""Where the name of the first member stands in a zip (PKZIP APPNOTE 4.3.7)."""
OTHERS = {
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
}
MAX_ZIP_DIRECTORY = 1 * 2**20
"""A zip of one file has a directory of about a hundred bytes; this stops one of ten million entries."""


class _Capped(io.RawIOBase):
    """A stream that refuses to give more than `limit` bytes, and names a broken archive as such."""

    def __init__(self, inner: IO[bytes], limit: int, *, packed: bool) -> None:
        super().__init__()
        self._inner, self._limit, self._given, self._packed = inner, limit, 0, packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        try:
            data = self._inner.read(len(view))
        except EOFError as error:
            raise TruncatedFileError("expected a whole compressed file, it ends in the middle") from error
        except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            if not self._packed:
                raise
            if "Truncated" in str(error):  # Arrow's word for a zstd stream that ends early
                raise TruncatedFileError("expected a whole compressed file, it ends in the middle") from None
            raise BrokenArchiveError("expected a compressed file that decompresses, it is damaged") from None
        self._given += len(data)
        if self._given > self._limit:
            raise TooLargeError(f"expected at most {self._limit:,} bytes after decompression, got more")
        view[: len(data)] = data
        return len(data)


@contextmanager
def open_content(source: Path, limits: IntakeLimits) -> Iterator[io.BufferedReader]:
    """The uncompressed bytes of `source`, as a stream of at most `limits.max_decompressed_bytes`.

    Raises EmptyFileError, TooLargeError, UnsafeArchiveError, UnsupportedArchiveError at once; TruncatedFileError,
    BrokenArchiveError, TooLargeError on reading. An archive within the archive is refused, other than a spreadsheet.
    """
    size = source.stat().st_size
    if size == 0:
        raise EmptyFileError("expected a table, got a file of 0 bytes")
    if size > limits.max_bytes:
        raise TooLargeError(f"expected a file of at most {limits.max_bytes:,} bytes, got {size:,}")
    with source.open("rb") as file:
        head = file.read(8)
        file.seek(0)
        if head.startswith(ZIP):
            with _from_zip(file, size, limits) as stream:
                yield stream
            return
        unpacked = _unpacked(file, head)
        if unpacked is None:
            _refuse_other_archives(head)
            yield _capped(file, limits, packed=False)
            return
        with unpacked as inner:
            yield _refusing_archives(_capped(inner, limits, packed=True))


def _unpacked(file: IO[bytes], head: bytes) -> IO[bytes] | None:
    """What is inside of a gzip, bzip2 or zstd stream; None where the file is none of them."""
    if head.startswith(GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if head.startswith(BZIP2):
        return cast("IO[bytes]", bz2.BZ2File(file))
    if head.startswith(ZSTD):
        return cast("IO[bytes]", pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd"))
    return None


@contextmanager
def _from_zip(file: IO[bytes], size: int, limits: IntakeLimits) -> Iterator[io.BufferedReader]:
    """The one file of the zip; the zip itself where it is a spreadsheet."""
    check_directory_size(file, size)
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(file))
            spreadsheet = SPREADSHEET in archive.namelist()
            inner = file if spreadsheet else stack.enter_context(archive.open(_only_member(archive, limits)))
        except (zipfile.BadZipFile, NotImplementedError, struct.error, UnicodeError) as error:
            raise BrokenArchiveError("expected a zip file that can be opened, it is damaged or cut off") from error
        if spreadsheet:
            file.seek(0)
            yield _capped(file, limits, packed=False)
        else:
            yield _refusing_archives(_capped(inner, limits, packed=True))


def _capped(inner: IO[bytes], limits: IntakeLimits, *, packed: bool) -> io.BufferedReader:
    return io.BufferedReader(_Capped(inner, limits.max_decompressed_bytes, packed=packed), buffer_size=1 << 18)


def _refusing_archives(stream: io.BufferedReader) -> io.BufferedReader:
    """The stream, which holds a table: a spreadsheet is a zip that may stand in an archive."""
    head = stream.peek(8)[:8]
    if not head:
        raise EmptyFileError("expected a table, got an archive whose file has 0 bytes")
    if stream.peek(LOCAL_NAME + 20)[LOCAL_NAME:].startswith(SPREADSHEET_BEGINS) and head.startswith(ZIP):
        return stream
    if head.startswith((GZIP, BZIP2, ZSTD, *ZIP)):
        raise UnsafeArchiveError("expected a table inside the archive, got another archive")
    _refuse_other_archives(head)
    return stream


def _refuse_other_archives(head: bytes) -> None:
    for magic, name in OTHERS.items():
        if head.startswith(magic):
            raise UnsupportedArchiveError(f"expected a table, plain or in gzip, bzip2, zstd or zip; got {name}")


def check_directory_size(file: IO[bytes], size: int) -> None:
    """Refuses a directory that would fill the memory, before `zipfile` reads it (PKZIP APPNOTE 4.3.16)."""
    tail_size = min(size, 22 + 65_535)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise TruncatedFileError("expected a whole zip file, its end is missing")
    (directory_bytes,) = struct.unpack("<L", tail[at + 12 : at + 16])
    if directory_bytes > MAX_ZIP_DIRECTORY:
        raise UnsafeArchiveError("expected exactly one file in the zip, its directory lists far more")


def _only_member(archive: zipfile.ZipFile, limits: IntakeLimits) -> zipfile.ZipInfo:
    members = [m for m in archive.infolist() if not m.is_dir() and not _is_extra(m.orig_filename)]
    if len(members) != 1:
        raise UnsafeArchiveError(f"expected exactly one file in the zip, got {len(members)}")
    member = members[0]
    # ZipInfo.filename is already cut at a NUL and has the system's separator replaced; orig_filename is what came.
    name = member.orig_filename
    if any(mark in name for mark in ("\\", ":", "\0")) or not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise UnsafeArchiveError("expected a file in the zip or in a folder of it, got one with another path")
    unix_mode = member.external_attr >> 16
    if unix_mode and stat.S_IFMT(unix_mode) not in (0, stat.S_IFREG):
        raise UnsafeArchiveError("expected a plain file in the zip, got a link or a special file")
    if member.flag_bits & 0x1:
        raise UnsupportedArchiveError("expected a zip without a password, got an encrypted one")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsupportedArchiveError("expected a zip that is stored or deflated, got another compression")
    if member.file_size > limits.max_decompressed_bytes:
        raise TooLargeError(f"expected at most {limits.max_decompressed_bytes:,} bytes after decompression, got more")
    return member


def _is_extra(name: str) -> bool:
    """Whether macOS put the member into the zip beside the file."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"
