"""Secrets that are given out once, of keys and of codes: random, and kept as their SHA-256 alone.

They have 256 random bits, so that a plain hash cannot be turned back. What people choose is in `app.passwords`.
"""

from __future__ import annotations

import hashlib
import secrets

SECRET_BYTES = 32
PREFIX_BYTES = 8
_OF_NOTHING = hashlib.sha256(b"").hexdigest()


def new_secret() -> str:
    """A secret that nobody can guess, as text for a URL."""
    return secrets.token_urlsafe(SECRET_BYTES)


def new_prefix() -> str:
    """The public part of a key, by which its row is found."""
    return secrets.token_hex(PREFIX_BYTES)


def sha256_of(secret: str) -> str:
    """What is kept of a secret; of a whole token, by what it can be remembered."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_kept(secret: str, kept: str | None) -> bool:
    """Whether this is the secret that the hash was kept of. It takes as long where there is none."""
    return secrets.compare_digest(kept or _OF_NOTHING, sha256_of(secret)) and kept is not None
