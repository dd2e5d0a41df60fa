"""The hashes of a file and of its chunks: what tells, before a byte is given out, that a stored file was changed."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CHUNK_BYTES = 1024 * 1024
MOST_REMEMBERED = 256
"""Files. A file of 4 GB takes 128 kB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Digests:
    """The SHA-256 of a file, and of each of its chunks of CHUNK_BYTES."""

    size: int
    sha256: str
    chunks: tuple[bytes, ...]

    @staticmethod
    def of(chunks: Iterable[bytes]) -> Digests:
        """Those of a file that comes in chunks of CHUNK_BYTES, of which the last may be shorter."""
        whole, each, size = hashlib.sha256(), [], 0
        for chunk in chunks:
            whole.update(chunk)
            each.append(hashlib.sha256(chunk).digest())
            size += len(chunk)
        return Digests(size=size, sha256=whole.hexdigest(), chunks=tuple(each))


def aligned(pieces: Iterable[bytes], size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The same bytes in chunks of `size`, of which the last may be shorter."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= size:
            yield bytes(waiting[:size])
            del waiting[:size]
    if waiting:
        yield bytes(waiting)


class Remembered:
    """The files that were hashed last, by key. Safe to share between threads."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, Digests] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, sha256: str) -> Digests | None:
        """The digests of the file, where it was the one of this hash."""
        with self._lock:
            digests = self._files.get(key)
            if digests is None or digests.sha256 != sha256:
                return None
            self._files.move_to_end(key)
            return digests

    def add(self, key: str, digests: Digests) -> None:
        """Remember a file in place of the one that was not asked for longest."""
        with self._lock:
            self._files[key] = digests
            self._files.move_to_end(key)
            if len(self._files) > MOST_REMEMBERED:
                self._files.popitem(last=False)

    def forget(self, key: str) -> None:
        """Have the file hashed as a whole again."""
        with self._lock:
            self._files.pop(key, None)
