"""The keys under which stored files are encrypted, each wrapped by the master key, as small files of the store.

name                     what is encrypted under it                         it is erased
TENANT/dataset_...       real records, and what still holds some of them:   with the data set, or when its records are
                         uploads, tables, splits, checkpoints, models
TENANT/job_...           what a job gives out: tables and reports           with its release
                         the result of a use                                with any data set that it was made of
TENANT/TENANT            the division of people into parts                  with the tenant

Whoever erases a key erases all files under it, in all copies of them, so long as no copy of the key is kept. That is
why a backup has the keys in a file of its own, see `app.backup`.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError

from app.errors import NotFoundError
from app.master_key import KEY_BYTES, MasterKey, MasterKeys

FOLDER = "keys"
OF_NOBODY = frozenset({"installation", "ready", "audit-log"})
"""The folders whose files hold nothing of a table: they are not encrypted."""
KEPT_SECONDS = 60.0
"""So long a process may remember a key: that long after its erasure it could still open a copy of a file."""
MOST_KEPT = 256


class Held:
    """The data keys that were used last. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock, self._clock = threading.Lock(), clock

    def get(self, name: str) -> bytes | None:
        """The key, where it is remembered."""
        with self._lock:
            at, key = self._keys.get(name, (0.0, b""))
            return key if key and self._clock() - at < KEPT_SECONDS else None

    def add(self, name: str, key: bytes) -> bytes:
        """The key, which is remembered from now on."""
        with self._lock:
            self._keys[name] = (self._clock(), key)
            self._keys.move_to_end(name)
            if len(self._keys) > MOST_KEPT:
                self._keys.popitem(last=False)
        return key

    def forget(self, name: str) -> None:
        """Remember the key no longer."""
        with self._lock:
            self._keys.pop(name, None)


@dataclass(frozen=True, slots=True)
class DataKeys:
    """The data keys of one store. What the store itself says when it fails is for the caller to put into words."""

    store: Any
    master: MasterKeys
    held: Held = field(default_factory=Held)

    def require_master(self) -> None:
        """Make the master key of a store that has no key yet. Raises MasterKeyError where it has some already."""
        if not self.master.exists() and not any(some for some in obstore.list(self.store, FOLDER)):
            self.master.make()
        self.master.read()

    def get(self, name: str) -> bytes:
        """The key. Raises NotFoundError where it was erased, or never made."""
        held = self.held.get(name)
        return held or self.held.add(name, self.master.unwrap(self._token(name), name))

    def get_or_make(self, name: str) -> bytes:
        """The key, made where there is none."""
        with suppress(NotFoundError):
            return self.get(name)
        key = secrets.token_bytes(KEY_BYTES)
        with suppress(AlreadyExistsError):  # somebody else was faster: theirs is the key
            obstore.put(self.store, _place(name), self.master.wrap(key, name).encode(), mode="create")
        if not self.master.is_current(self._token(name)):  # the master key was renewed meanwhile
            self._rewrap(name)
        return self.get(name)

    def erase(self, name: str) -> None:
        """Erase a key, and with it all files that were encrypted under it."""
        self.held.forget(name)
        with suppress(FileNotFoundError):
            obstore.delete(self.store, _place(name))

    def listed(self, tenant_id: str | None = None) -> list[tuple[str, datetime]]:
        """The name of each key, or of each of a tenant's, and when it was made or wrapped last."""
        prefix = FOLDER if tenant_id is None else f"{FOLDER}/{tenant_id}"
        found = (each for some in obstore.list(self.store, prefix) for each in some)
        return [(each["path"].partition("/")[2], each["last_modified"]) for each in found]

    def renew_master(self) -> int:
        """How many keys a new master key has wrapped anew. The old one unwraps until `drop_old_masters`.

        Whoever makes a key meanwhile has seen the new master key, or sees it right after and wraps the key anew.
        """
        self.master.replace([MasterKey.fresh(), *self.master.read()])
        return self.rewrap_all()

    def rewrap_all(self) -> int:
        """How many keys were wrapped anew by the master key that wraps now."""
        return sum(self._rewrap(name) for name, _ in self.listed())

    def drop_old_masters(self) -> None:
        """Keep the master key that wraps now, and none before it. Nothing may be wrapped by those any more."""
        self.master.replace(self.master.read()[:1])

    def _rewrap(self, name: str) -> bool:
        try:
            token = self._token(name)
        except NotFoundError:  # erased meanwhile
            return False
        if self.master.is_current(token):
            return False
        wrapped = self.master.wrap(self.master.unwrap(token, name), name)
        obstore.put(self.store, _place(name), wrapped.encode())
        return True

    def _token(self, name: str) -> str:
        try:
            return bytes(obstore.get(self.store, _place(name)).bytes()).decode("ascii", "replace")
        except FileNotFoundError:
            raise NotFoundError("expected a stored file whose key is kept, got one whose key was erased") from None


def dataset_key(tenant_id: str, dataset_id: str) -> str:
    """The name of the data key of real records."""
    return f"{tenant_id}/{dataset_id}"


def outcome_key(tenant_id: str, job_id: str) -> str:
    """The name of the data key of what a job gives out."""
    return f"{tenant_id}/{job_id}"


def tenant_key(tenant_id: str) -> str:
    """The name of the data key of what goes with the tenant alone."""
    return f"{tenant_id}/{tenant_id}"


def key_of_file(key: str) -> str | None:
    """The name of the data key of a file whose writer names none; None where it is not encrypted.

    It is that of the data set or the job in whose folder the file lies.
    """
    parts = key.split("/")
    if parts[0] in OF_NOBODY:
        return None
    if parts[0] == FOLDER:
        raise ValueError("expected a path outside of the folder of keys")
    return f"{parts[0]}/{parts[2]}" if len(parts) > 3 else tenant_key(parts[0])


def _place(name: str) -> str:
    return f"{FOLDER}/{name}"
