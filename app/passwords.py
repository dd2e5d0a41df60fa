"""Passwords: hashed by argon2id (RFC 9106 §4, second recommended option), with bounded memory and constant work."""

from __future__ import annotations

import base64
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import TooBusyError

FEWEST, MOST = 15, 200
"""Characters of a password. NIST SP 800-63B-4 §3.1.1.2 asks for 15 where it is all that one signs in with."""
FEWEST_DIFFERENT = 6
FEWEST_KNOWN = 4
"""Characters of a name that a password must not hold: `Eve` stands in `seven`, and `Li` in every second sentence."""
RETRY_SECONDS = 2


def require_good(password: str, *known: str) -> None:
    """Raises ValueError where the password is too short, too long, of few different characters, or holds what is known
    of its person: their name or address.
    """
    text = _bytes(password).decode()
    if not FEWEST <= len(text) <= MOST:
        raise ValueError(f"expected a password of {FEWEST} to {MOST} characters; several words make a good one")
    if len(set(text)) < FEWEST_DIFFERENT:
        raise ValueError(f"expected a password of at least {FEWEST_DIFFERENT} different characters")
    told = [each.casefold() for each in (*known, "lookalike") if len(each) >= FEWEST_KNOWN]
    if any(each in text.casefold() for each in told):
        raise ValueError("expected a password without your name, your e-mail address or the name of the service")


class Passwords:
    """Hashes passwords in this process, few at once: each takes 64 MiB."""

    def __init__(self, hasher: PasswordHasher | None = None, *, places: int = 2, room: int = 16) -> None:
        """`places` are hashed at once, `room` is how many may be there in all, those that wait included."""
        self._hasher = hasher or PasswordHasher()
        self._places, self._room = threading.Semaphore(places), threading.Semaphore(room)
        self._nobody = self._hash_of_nothing()

    def hashed(self, password: str) -> str:
        """The hash, with its parameters and salt. Raises TooBusyError where too many are hashed at once."""
        with self._turn():
            return self._hasher.hash(_bytes(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether the hash is of this password. It takes as long where there is none. Raises TooBusyError likewise."""
        with self._turn():
            try:
                return self._hasher.verify(kept or self._nobody, _bytes(password)) and kept is not None
            except (VerificationError, InvalidHashError):
                return False

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise TooBusyError(
                "expected fewer people who sign in at once; try again", headers={"Retry-After": str(RETRY_SECONDS)}
            )
        try:
            with self._places:
                yield
        finally:
            self._room.release()

    def _hash_of_nothing(self) -> str:
        """A hash that takes as much work as any other and fits no password anybody will find."""
        by = self._hasher
        salt, digest = (base64.b64encode(bytes(n)).decode().rstrip("=") for n in (by.salt_len, by.hash_len))
        return f"$argon2id$v=19$m={by.memory_cost},t={by.time_cost},p={by.parallelism}${salt}${digest}"


def _bytes(password: str) -> bytes:
    """The password as it is hashed: NFKC, so that one may type it on any keyboard (SP 800-63B-4 §3.1.1.2).

    What is far too long for any password is cut before that: a megabyte takes seconds to normalize.
    """
    return unicodedata.normalize("NFKC", password[: 4 * MOST]).encode("utf-8", "replace")
