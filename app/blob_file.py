"""One file of a store: found, decrypted and read by chunks. `app.blobs` is the store.

Each chunk is compared with its hash before it is given out, where the hashes are known.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import obstore
from cryptography.exceptions import InvalidTag
from obstore.exceptions import BaseError

from app.data_keys import DataKeys
from app.digests import CHUNK_BYTES, Digests, Remembered, aligned
from app.errors import ArtifactChangedError
from app.sealed import HEADER_BYTES, Cipher, Header, chunks_of, place_of, plain_size
from app.storage import storage

logger = logging.getLogger("lookalike.blobs")


@dataclass(frozen=True, kw_only=True, slots=True)
class BlobFile:
    """A file as it lies in the store."""

    store: Any
    key: str
    stored: int
    """How many bytes it takes."""
    cipher: Cipher | None
    """None where it is not encrypted."""
    known: Remembered
    """Files that were hashed as a whole: this one is forgotten where it turns out to be changed."""

    @property
    def size(self) -> int:
        """How many bytes it has, decrypted. Raises ArtifactChangedError where its end is missing."""
        try:
            return self._size()
        except ValueError:
            raise changed(self.key) from None

    def chunks(self, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """The bytes from chunk `first` to before chunk `last`, decrypted. Raises ArtifactChangedError."""
        if self.cipher is None:
            end = None if last is None else min(last * CHUNK_BYTES, self.stored)
            yield from self._bytes(first * CHUNK_BYTES, end)
            return
        try:
            count = chunks_of(self._size())
            end = self.stored if last is None else min(place_of(last), self.stored)
            yield from self.cipher.decrypt(self._bytes(place_of(first), end), first, count)
        except (InvalidTag, ValueError):
            self.known.forget(self.key)
            raise changed(self.key) from None

    def checked(self, digests: Digests, start: int, end: int) -> Iterator[bytes]:
        """The bytes `start` to `end`, of chunks whose hashes are compared. Raises ArtifactChangedError."""
        if start >= end:
            return
        number = start // CHUNK_BYTES
        last = -(-end // CHUNK_BYTES)
        for chunk in aligned(self.chunks(number, last)):
            if number >= len(digests.chunks) or hashlib.sha256(chunk).digest() != digests.chunks[number]:
                self.known.forget(self.key)
                raise changed(self.key)
            offset = number * CHUNK_BYTES
            yield chunk[max(start - offset, 0) : max(end - offset, 0)]
            number += 1
        if number < last:
            raise changed(self.key)

    def _size(self) -> int:
        """As `size`. Raises ValueError where its end is missing."""
        return self.stored if self.cipher is None else plain_size(self.stored)

    def _bytes(self, start: int, end: int | None) -> Iterator[bytes]:
        """Bytes as they lie there. Raises NotFoundError where there is no file."""
        options: Any = None if end is None else {"range": (start, end)}
        with storage():
            pieces = iter(obstore.get(self.store, self.key, options=options).stream(min_chunk_size=CHUNK_BYTES))
        while True:
            with storage():
                piece = next(pieces, None)
            if piece is None:
                return
            yield bytes(piece)


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """A file that was hashed as a whole. Chunks that are changed later raise ArtifactChangedError."""

    file: BlobFile
    digests: Digests

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.digests.size

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes `start` to `end` (exclusive), in chunks."""
        return self.file.checked(self.digests, start, self.size if end is None else min(end, self.size))

    def open(self) -> BinaryIO:
        """The file for reading here and there."""
        return cast("BinaryIO", io.BufferedReader(_Reader(self.file, self.digests), CHUNK_BYTES))


def find_file(store: Any, key: str, keys: DataKeys, known: Remembered) -> BlobFile:  # noqa: ANN401 - obstore's own
    """What lies under `key`.

    Raises NotFoundError where there is nothing or its data key was erased, and ArtifactChangedError where it begins as
    an encrypted file and is none.
    """
    with storage():
        start, stored = _start(store, key)
        try:
            header = Header.read(start)
        except ValueError:
            raise changed(key) from None
        cipher = None if header is None else Cipher.of(header, keys.get(header.name), key)
        return BlobFile(store=store, key=key, stored=stored, cipher=cipher, known=known)


def _start(store: Any, key: str) -> tuple[bytes, int]:  # noqa: ANN401 - obstore's own
    """The first bytes under `key`, and how many there are."""
    try:
        found = obstore.get(store, key, options={"range": (0, HEADER_BYTES)})
    except FileNotFoundError:
        raise
    except BaseError:  # of a file without a byte no part can be asked for
        if int(obstore.head(store, key)["size"]):
            raise
        return b"", 0
    return bytes(found.bytes()), int(found.meta["size"])


def changed(key: str) -> ArtifactChangedError:
    """The error that the file under `key` is not the one that was published, which is logged too."""
    logger.error("the stored file %s is not the one that was published", key)
    return ArtifactChangedError("expected a stored file as it was published, its hash is another one")


class _Reader(io.RawIOBase):
    """A stored file as Python knows files: every read is a request for the chunks that hold it."""

    def __init__(self, file: BlobFile, digests: Digests) -> None:
        self._file, self._digests, self._size, self._at = file, digests, digests.size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        data = b"".join(self._file.checked(self._digests, self._at, end))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
