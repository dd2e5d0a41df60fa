"""The master key of an installation: it wraps the keys of data sets and other secrets that have to be known again.

It lies in a file of its own, outside of database and store, for its owner's eyes alone. Each line is a key; the first
one wraps, and all unwrap. So a new key can take over while what older ones have wrapped is still read.

    token = v1 . id of the master key . base64url(nonce | AES-256-GCM(secret; associated data: v1 | purpose))

The purpose says what the secret is for: a token that is moved to another place does not open there.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import MasterKeyError
from app.home import FILE, private_folder

KEY_BYTES, NONCE_BYTES = 32, 12
_LINE = re.compile(r"lookalike-master-key-1 ([A-Za-z0-9_-]{43}=)")
_TOKEN = re.compile(r"v1\.([0-9a-f]{16})\.([A-Za-z0-9_=-]{40,300})")


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One key."""

    secret: bytes

    @property
    def id(self) -> str:
        """What tells the key from others, and nothing of it."""
        return hashlib.sha256(b"lookalike master key id" + self.secret).hexdigest()[:16]

    def line(self) -> str:
        """The key as it stands in the file."""
        return f"lookalike-master-key-1 {base64.urlsafe_b64encode(self.secret).decode()}\n"

    @staticmethod
    def fresh() -> MasterKey:
        """A new random key."""
        return MasterKey(secrets.token_bytes(KEY_BYTES))


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """The file. It is read whenever it is needed, so that running processes follow when a key is renewed."""

    path: Path

    def exists(self) -> bool:
        """Whether there is a file."""
        return self.path.exists()

    def make(self) -> None:
        """Make a key where there is none; of several processes that do so at once, one wins and all take its key."""
        private_folder(self.path.parent)
        part = self._written([MasterKey.fresh()])
        try:
            os.link(part, self.path)
        except FileExistsError:
            pass
        finally:
            part.unlink()

    def read(self) -> list[MasterKey]:
        """All keys, the one that wraps first. Raises MasterKeyError where there is none, or others may read them."""
        try:
            if self.path.stat().st_mode & 0o077:
                raise MasterKeyError(f"expected {self.path} to be readable by its owner alone: chmod 600 {self.path}")
            lines = self.path.read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            raise MasterKeyError(f"expected a master key in {self.path}, got no file: restore it") from None
        except (OSError, UnicodeError):
            raise MasterKeyError(f"expected a master key in {self.path}, got a file that cannot be read") from None
        matches = [_LINE.fullmatch(line) for line in lines]
        keys = [MasterKey(base64.urlsafe_b64decode(match[1])) for match in matches if match is not None]
        if not keys or len(keys) != len(lines):
            raise MasterKeyError(f"expected a master key on each line of {self.path}, got something else: restore it")
        return keys

    def replace(self, keys: list[MasterKey]) -> None:
        """Have the file hold these keys, at once."""
        self._written(keys).replace(self.path)

    def wrap(self, secret: bytes, purpose: str) -> str:
        """A token that holds the secret."""
        key, nonce = self.read()[0], secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(key.secret).encrypt(nonce, secret, _associated(purpose))
        return f"v1.{key.id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def unwrap(self, token: str, purpose: str) -> bytes:
        """The secret in a token. Raises MasterKeyError where no key opens it."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise MasterKeyError("expected a wrapped secret, got something else")
        key = next((each for each in self.read() if each.id == match[1]), None)
        if key is None:
            raise MasterKeyError(f"expected the master key {match[1]} in {self.path}, got another one: restore it")
        try:
            data = base64.urlsafe_b64decode(match[2])
            return AESGCM(key.secret).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _associated(purpose))
        except (InvalidTag, ValueError):
            raise MasterKeyError("expected a wrapped secret as it was written, got one that was changed") from None

    def is_current(self, token: str) -> bool:
        """Whether the key that wraps now has wrapped the token."""
        return token.startswith(f"v1.{self.read()[0].id}.")

    def _written(self, keys: list[MasterKey]) -> Path:
        part = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE)
        with os.fdopen(descriptor, "w", encoding="ascii") as target:
            target.writelines(key.line() for key in keys)
            target.flush()
            os.fsync(target.fileno())
        return part


def is_wrapped(text: str) -> bool:
    """Whether a text is a token of `MasterKeys.wrap`."""
    return _TOKEN.fullmatch(text) is not None


def _associated(purpose: str) -> bytes:
    return f"lookalike v1 {purpose}".encode()
