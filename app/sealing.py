"""Secrets of others at rest: encrypted under a key that lies in the installation's home, for its owner's eyes alone.

A copy of the database, or a backup of it, gives nobody the passwords of tenants' databases.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import ServiceError

KEY_FILE = "connections.key"
KEY_BYTES, NONCE_BYTES = 32, 12


class SealError(ServiceError):
    """A secret cannot be read: its key is another one, or others may read it, or the secret was moved."""

    code = "secret_unreadable"
    status = 503
    title = "A stored secret cannot be read"


def wrap(home: Path, secret: str, bound_to: str) -> bytes:
    """The secret, encrypted (AES-256-GCM). It can be read again for the thing of the id `bound_to` alone."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(_key(home)).encrypt(nonce, secret.encode(), bound_to.encode())


def unwrap(home: Path, wrapped: bytes, bound_to: str) -> str:
    """The secret that `wrap` took. Raises SealError where it is of another installation or of another thing."""
    nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
    try:
        return AESGCM(_key(home)).decrypt(nonce, sealed, bound_to.encode()).decode()
    except (InvalidTag, ValueError):
        raise SealError(
            f"expected a secret under the key in {KEY_FILE}, got one under another key: register the connection anew"
        ) from None


def _key(home: Path) -> bytes:
    """The key, made where there is none; of several processes that make it at once, one wins."""
    path = home / KEY_FILE
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        part = home / f".{KEY_FILE}.{secrets.token_hex(8)}"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    key = path.read_bytes()
    if path.stat().st_mode & 0o077 or len(key) != KEY_BYTES:
        raise SealError(f"expected {KEY_FILE} to be whole and readable by its owner alone: chmod 600")
    return key
