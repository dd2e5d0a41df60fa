"""Files by key, in a local folder or an S3-compatible store. Never held in memory whole.

Every read names the SHA-256 under which the file was published, and gives not one byte of another file: the whole is
hashed before its first byte is given, and each chunk is compared again when it is read. So a file that is changed in
the middle of a download breaks it off.
"""

from __future__ import annotations

import errno
import hashlib
import io
import logging
import os
import re
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from app.config import Settings
from app.digests import CHUNK_BYTES, Digests, Remembered, aligned
from app.errors import ArtifactChangedError, NotFoundError, StorageAwayError, StorageFullError
from app.home import private_folder

logger = logging.getLogger("lookalike.blobs")
NO_SPACE = os.strerror(errno.ENOSPC)
STAGED = re.compile(r"#[0-9]+$")
"""How the name of a file ends that a local store has not written to its end. Listing leaves it out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A file as it was put: its key and its hash, without which nothing is read."""

    key: str
    sha256: str
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Blobs:
    """A store of files. A file appears under its key whole or not at all."""

    store: Any
    folder: Path | None = None
    """Where a local store keeps its files."""
    known: Remembered = field(default_factory=Remembered)
    """Files that this process has hashed as a whole."""

    def put(self, key: str, source: Path) -> Stored:
        """Store the file `source` under `key`."""
        with source.open("rb") as file:
            digests = Digests.of(iter(lambda: file.read(CHUNK_BYTES), b""))
        with source.open("rb") as file, _storage():
            obstore.put(self.store, key, file, chunk_size=5 * CHUNK_BYTES)
        self.known.add(key, digests)
        return Stored(key=key, bytes=digests.size, sha256=digests.sha256)

    def put_bytes(self, key: str, data: bytes) -> Stored:
        """Store a few bytes under `key`."""
        with _storage():
            obstore.put(self.store, key, data)
        return Stored(key=key, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    def fetch(self, key: str, target: Path, sha256: str) -> Path:
        """The file under `key`, copied to `target`.

        Raises NotFoundError where there is none, and ArtifactChangedError where it is not the file of this hash.
        """
        partial = target.with_name(f"{target.name}.partial")
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with partial.open("wb") as file:
            for chunk in self._raw(key):
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != sha256:
            partial.unlink()
            raise _changed(key)
        return partial.replace(target)

    def read(self, key: str, sha256: str) -> bytes:
        """The bytes under `key`, for small files. Raises as `fetch` does."""
        data = b"".join(self._raw(key))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _changed(key)
        return data

    def stream(self, key: str, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes `start` to `end` (exclusive) under `key`, in chunks.

        Raises as `fetch` does, before the first chunk is asked for where the file was changed by then, and in place of
        a chunk that is changed later.
        """
        digests = self.verified(key, sha256)
        return self._checked(key, digests, start, digests.size if end is None else min(end, digests.size))

    def verified(self, key: str, sha256: str) -> Digests:
        """The hashes of the file's chunks, after the whole was hashed. Raises as `fetch` does."""
        digests = self.known.get(key, sha256)
        if digests is None:
            digests = Digests.of(aligned(self._raw(key)))
            if digests.sha256 != sha256:
                raise _changed(key)
            self.known.add(key, digests)
        elif self.size(key) != digests.size:
            raise _changed(key)
        return digests

    def _checked(self, key: str, digests: Digests, start: int, end: int) -> Iterator[bytes]:
        """The bytes `start` to `end`, of chunks whose hashes are compared."""
        if start >= end:
            return
        number = start // CHUNK_BYTES
        whole = min(-(-end // CHUNK_BYTES) * CHUNK_BYTES, digests.size)
        for chunk in aligned(self._raw(key, number * CHUNK_BYTES, whole)):
            if hashlib.sha256(chunk).digest() != digests.chunks[number]:
                self.known.forget(key)
                raise _changed(key)
            offset = number * CHUNK_BYTES
            yield chunk[max(start - offset, 0) : max(end - offset, 0)]
            number += 1
        if number * CHUNK_BYTES < whole:
            raise _changed(key)

    def _raw(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Bytes as they lie there. Raises NotFoundError where there is no file."""
        options: Any = None if end is None else {"range": (start, end)}
        with _storage():
            pieces = iter(obstore.get(self.store, key, options=options).stream(min_chunk_size=CHUNK_BYTES))
        while True:
            with _storage():
                piece = next(pieces, None)
            if piece is None:
                return
            yield bytes(piece)

    def size(self, key: str) -> int:
        """The size of the file under `key`, in bytes. Raises NotFoundError where there is none."""
        with _storage():
            return int(obstore.head(self.store, key)["size"])

    def open(self, key: str, sha256: str) -> BinaryIO:
        """The file under `key` for reading here and there. Raises as `fetch` does, now or when it is read."""
        return cast("BinaryIO", io.BufferedReader(_Reader(self, key, self.verified(key, sha256)), CHUNK_BYTES))

    def delete(self, key: str) -> None:
        """Delete the file under `key`, if there is one."""
        self._delete([key])

    def delete_prefix(self, prefix: str, *, keep: Collection[str] = ()) -> int:
        """How many files under `prefix` were deleted: all but those whose keys are to be kept."""
        return self.delete_all([key for key, _ in self.listed(prefix) if key not in keep])

    def delete_all(self, keys: Collection[str]) -> int:
        """How many files these are, which are deleted."""
        self._delete(list(keys))
        return len(keys)

    def listed(self, prefix: str | None = None) -> list[tuple[str, datetime]]:
        """The key of each file under `prefix`, and when it was put."""
        with _storage():
            return [(each["path"], each["last_modified"]) for some in obstore.list(self.store, prefix) for each in some]

    def bytes_below(self, prefix: str) -> int:
        """How many bytes the files under `prefix` have together."""
        with _storage():
            return sum(int(each["size"]) for some in obstore.list(self.store, prefix) for each in some)

    def discard_staged(self, seconds: float) -> int:
        """How many half-written files were deleted to which nobody has written for so long. A local folder's alone.

        In an S3-compatible store a rule of the bucket's life cycle ends uploads of parts that were left.
        """
        if self.folder is None:
            return 0
        staged = [path for path in self.folder.rglob("*#*") if STAGED.search(path.name)]
        return sum(_discard_if_old(path, time.time() - seconds) for path in staged)

    def _delete(self, keys: list[str]) -> None:
        if keys:
            with suppress(NotFoundError), _storage():
                obstore.delete(self.store, keys)


def _discard_if_old(path: Path, before: float) -> bool:
    """Whether a half-written file was deleted. It may become a whole one at any moment, under another name."""
    try:
        seen = path.stat()
        if not stat.S_ISREG(seen.st_mode) or seen.st_mtime >= before:
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    return True


class _Reader(io.RawIOBase):
    """A stored file as Python knows files: every read is a request for the chunks that hold it."""

    def __init__(self, blobs: Blobs, key: str, digests: Digests) -> None:
        self._blobs, self._key, self._digests, self._size, self._at = blobs, key, digests, digests.size, 0

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
        data = b"".join(self._blobs._checked(self._key, self._digests, self._at, end))  # noqa: SLF001 - of this file
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _changed(key: str) -> ArtifactChangedError:
    logger.error("the stored file %s is not the one that was published", key)
    return ArtifactChangedError("expected a stored file as it was published, its hash is another one")


@contextmanager
def _storage() -> Iterator[None]:
    """What the store says, in our words. Its own name paths and addresses."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError("expected a stored file, got none under this key") from error
    except (BaseError, OSError) as error:
        logger.error("the storage failed: %s", type(error).__name__)
        if NO_SPACE in str(error) or getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFullError("expected room for the file in the storage, got none left") from error
        raise StorageAwayError("expected a storage that answers, got a failure; try again later") from error


def open_blobs(settings: Settings) -> Blobs:
    """The store of this installation."""
    url = settings.resolved_blob_url
    if url.startswith("s3://"):
        return Blobs(S3Store.from_url(url))
    folder = private_folder(Path(url))
    return Blobs(LocalStore(folder), folder)
