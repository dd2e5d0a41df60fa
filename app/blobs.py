"""Files by key, in a local folder or an S3-compatible store. Never held in memory whole.

What belongs to a tenant is encrypted: see `app.data_keys` for under which key, and `app.sealed` for how. Files from
before that was so are read as they lie there.

Every read names the SHA-256 under which the file was published, and gives not one byte of another file: the whole is
hashed before its first byte is given, and each chunk is compared again when it is read. So a file that is changed in
the middle of a download breaks it off.
"""

from __future__ import annotations

import hashlib
import re
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import obstore
from obstore.store import LocalStore, S3Store

from app.blob_file import BlobFile, VerifiedFile, changed, find_file
from app.config import Settings
from app.data_keys import FOLDER as KEYS
from app.data_keys import DataKeys, key_of_file
from app.digests import CHUNK_BYTES, Digests, Remembered, aligned
from app.errors import NotFoundError
from app.home import private_folder
from app.master_key import MasterKeys
from app.sealed import Cipher, Header
from app.storage import storage

STAGED = re.compile(r"#[0-9]+$")
"""How the name of a file ends that a local store has not written to its end. Listing leaves it out."""
PART_BYTES = 5 * CHUNK_BYTES
"""Larger files are uploaded in parts of so many bytes, the least that S3 takes."""
PROBE_KEY = "ready/probe"


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
    keys: DataKeys
    folder: Path | None = None
    """Where a local store keeps its files."""
    known: Remembered = field(default_factory=Remembered)
    """Files that this process has hashed as a whole."""

    def put(self, key: str, source: Path, *, data_key: str | None = None) -> Stored:
        """Store the file `source` under `key`, encrypted under the data key of this name, or the one of its folder."""
        with source.open("rb") as file:
            digests = Digests.of(_chunks(file))
        with source.open("rb") as file, storage():
            sealed = self._sealed(key, _chunks(file), data_key)
            # an upload in parts takes four requests or more, and leaves parts where it breaks off
            if digests.size > PART_BYTES:
                obstore.put(self.store, key, sealed, chunk_size=PART_BYTES)
            else:
                obstore.put(self.store, key, b"".join(sealed), use_multipart=False)
        self.known.add(key, digests)
        return Stored(key=key, bytes=digests.size, sha256=digests.sha256)

    def probe(self) -> None:
        """Raises StorageAwayError or StorageFullError where the store takes no file."""
        self.put_bytes(PROBE_KEY, b"ok")

    def put_bytes(self, key: str, data: bytes, *, data_key: str | None = None) -> Stored:
        """Store a few bytes under `key`, encrypted as `put` does."""
        with storage():
            obstore.put(self.store, key, b"".join(self._sealed(key, aligned([data]), data_key)))
        return Stored(key=key, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    def _sealed(self, key: str, chunks: Iterator[bytes], name: str | None) -> Iterator[bytes]:
        """The file as it is to lie there."""
        name = name or key_of_file(key)
        return chunks if name is None else Cipher.of(Header(name), self.keys.get_or_make(name), key).encrypt(chunks)

    def fetch(self, key: str, target: Path, sha256: str) -> Path:
        """The file under `key`, copied to `target`.

        Raises NotFoundError where there is none, and ArtifactChangedError where it is not the file of this hash.
        """
        partial = target.with_name(f"{target.name}.partial")
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        try:
            with partial.open("wb") as file:
                for chunk in self._file(key).chunks():
                    digest.update(chunk)
                    file.write(chunk)
            if digest.hexdigest() != sha256:
                raise changed(key)
            return partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def read(self, key: str, sha256: str) -> bytes:
        """The bytes under `key`, for small files. Raises as `fetch` does."""
        data = b"".join(self._file(key).chunks())
        if hashlib.sha256(data).hexdigest() != sha256:
            raise changed(key)
        return data

    def stream(self, key: str, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes `start` to `end` (exclusive) under `key`, in chunks.

        Raises as `fetch` does, before the first chunk is asked for where the file was changed by then, and in place of
        a chunk that is changed later.
        """
        return self.verified(key, sha256).stream(start, end)

    def verified(self, key: str, sha256: str) -> VerifiedFile:
        """The file under `key`, after the whole was hashed. Raises as `fetch` does."""
        file, digests = self._file(key), self.known.get(key, sha256)
        if digests is None:
            digests = Digests.of(aligned(file.chunks()))
            if digests.sha256 != sha256:
                raise changed(key)
            self.known.add(key, digests)
        elif file.size != digests.size:
            raise changed(key)
        return VerifiedFile(file, digests)

    def size(self, key: str) -> int:
        """The size of the file under `key`, in bytes. Raises NotFoundError where there is none."""
        return self._file(key).size

    def _file(self, key: str) -> BlobFile:
        """What lies under `key`. Raises as `find_file` does."""
        return find_file(self.store, key, self.keys, self.known)

    def erase(self, *names: str) -> None:
        """Erase the data keys of these names: what was encrypted under them is gone, wherever there is a copy."""
        with storage():
            for name in names:
                self.keys.erase(name)

    def erase_all(self, tenant_id: str) -> None:
        """Erase all data keys of a tenant."""
        with storage():
            for name, _ in self.keys.listed(tenant_id):
                self.keys.erase(name)

    def open(self, key: str, sha256: str) -> BinaryIO:
        """The file under `key` for reading here and there. Raises as `fetch` does, now or when it is read."""
        return self.verified(key, sha256).open()

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
        """The key of each file under `prefix`, and when it was put. Data keys are no files."""
        with storage():
            found = [each for some in obstore.list(self.store, prefix) for each in some]
        return [(each["path"], each["last_modified"]) for each in found if not each["path"].startswith(f"{KEYS}/")]

    def data_keys(self) -> list[tuple[str, datetime]]:
        """The name of each data key, and when it was made."""
        with storage():
            return self.keys.listed()

    def bytes_below(self, prefix: str) -> int:
        """How many bytes the files under `prefix` have together."""
        with storage():
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
            with suppress(NotFoundError), storage():
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


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(CHUNK_BYTES), b"")


def open_blobs(settings: Settings) -> Blobs:
    """The store of this installation. Raises MasterKeyError where its master key is not there."""
    url = settings.resolved_blob_url
    folder = None if url.startswith("s3://") else private_folder(Path(url))
    store = S3Store.from_url(url) if folder is None else LocalStore(folder)
    keys = DataKeys(store, MasterKeys(settings.resolved_master_key_file))
    with storage():
        keys.require_master()
    return Blobs(store, keys, folder)
