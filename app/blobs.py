"""Files by key, in a local folder or an S3-compatible store. Never held in memory whole."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import obstore
from obstore.store import LocalStore, S3Store

from app.config import Settings
from app.errors import NotFoundError

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A file as it was put: its key, size and hash."""

    key: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Blobs:
    """A store of files. A file appears under its key whole or not at all."""

    store: Any

    def put(self, key: str, source: Path) -> Stored:
        """Store the file `source` under `key`."""
        with source.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        with source.open("rb") as file:
            obstore.put(self.store, key, file, chunk_size=5 * CHUNK_BYTES)
        return Stored(key=key, bytes=source.stat().st_size, sha256=sha256)

    def put_bytes(self, key: str, data: bytes) -> Stored:
        """Store a few bytes under `key`."""
        obstore.put(self.store, key, data)
        return Stored(key=key, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    def fetch(self, key: str, target: Path) -> Path:
        """The file under `key`, copied to `target`. Raises NotFoundError where there is none."""
        partial = target.with_name(f"{target.name}.partial")
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            for chunk in self.stream(key):
                file.write(chunk)
        return partial.replace(target)

    def read(self, key: str) -> bytes:
        """The bytes under `key`, for small files. Raises NotFoundError where there is none."""
        return b"".join(self.stream(key))

    def stream(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes `start` to `end` (exclusive) under `key`, in chunks. Raises NotFoundError where there is none."""
        try:
            if start == 0 and end is None:
                for chunk in obstore.get(self.store, key).stream(min_chunk_size=CHUNK_BYTES):
                    yield bytes(chunk)
                return
            size = self.size(key)
            stop = size if end is None else min(end, size)
            for offset in range(start, stop, CHUNK_BYTES):
                yield bytes(obstore.get_range(self.store, key, start=offset, end=min(offset + CHUNK_BYTES, stop)))
        except FileNotFoundError as error:
            raise NotFoundError("expected a stored file, got none under this key") from error

    def size(self, key: str) -> int:
        """The size of the file under `key`, in bytes. Raises NotFoundError where there is none."""
        try:
            return int(obstore.head(self.store, key)["size"])
        except FileNotFoundError as error:
            raise NotFoundError("expected a stored file, got none under this key") from error

    def open(self, key: str) -> BinaryIO:
        """The file under `key` for reading here and there. Raises NotFoundError where there is none."""
        return cast("BinaryIO", io.BufferedReader(_Reader(self.store, key, self.size(key)), CHUNK_BYTES))

    def delete(self, key: str) -> None:
        """Delete the file under `key`, if there is one."""
        with suppress(FileNotFoundError):
            obstore.delete(self.store, [key])

    def delete_prefix(self, prefix: str, *, keep: Collection[str] = ()) -> int:
        """How many files under `prefix` were deleted: all but those whose keys are to be kept."""
        keys = [entry["path"] for batch in obstore.list(self.store, prefix) for entry in batch]
        doomed = [key for key in keys if key not in keep]
        if doomed:
            obstore.delete(self.store, doomed)
        return len(doomed)


class _Reader(io.RawIOBase):
    """A stored file as Python knows files: every read is a request for a range."""

    def __init__(self, store: Any, key: str, size: int) -> None:  # noqa: ANN401 - any of obstore's stores
        self._store, self._key, self._size, self._at = store, key, size, 0

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
        data = bytes(obstore.get_range(self._store, self._key, start=self._at, end=end))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def open_blobs(settings: Settings) -> Blobs:
    """The store of this installation."""
    url = settings.resolved_blob_url
    if url.startswith("s3://"):
        return Blobs(S3Store.from_url(url))
    folder = Path(url)
    folder.mkdir(parents=True, exist_ok=True)
    return Blobs(LocalStore(folder))
