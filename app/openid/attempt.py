"""One attempt to sign in at the provider, which nobody but the browser keeps.

Its cookie is 256 random bits, a time, the id of the session that ends with a new one, and where to go afterwards.
State, nonce and PKCE's verifier are HMACs of these under the random bits, so whoever has not got the cookie can make
none of them: an answer of the provider that another browser was to get, or that was made up, is not taken (login CSRF,
RFC 6749 §10.12; PKCE, RFC 7636).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field

LIFETIME_SECONDS = 900
MOST_OF_ADDRESS = 1_500
"""Characters of an address that are kept: a browser takes cookies of 4 kB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """An attempt to sign in."""

    secret: str = field(repr=False)
    begun: int
    """Seconds since 1970."""
    then: str
    """The page to go to afterwards."""
    session: str = ""
    """The id of the session that the browser had, for it does not send its strict cookie when it comes back."""

    @property
    def cookie(self) -> str:
        """What the browser keeps until it comes back."""
        then = base64.urlsafe_b64encode(self.then.encode()).decode()
        return f"{self.secret}.{self.begun}.{self.session}.{then}"

    @property
    def state(self) -> str:
        """What the provider gives back with the code."""
        return self._of("state")

    @property
    def nonce(self) -> str:
        """What has to stand in the ID token."""
        return self._of("nonce")

    @property
    def verifier(self) -> str:
        """What the code is exchanged with: the provider has its hash."""
        return self._of("verifier")

    def _of(self, use: str) -> str:
        bound = f"{use}:{self.begun}:{self.session}:{self.then}".encode()
        return base64.urlsafe_b64encode(hmac.digest(self.secret.encode(), bound, hashlib.sha256)).decode().rstrip("=")


def begin(then: str, session: str = "") -> Attempt:
    """A new attempt, of a browser that has this session or none."""
    kept = then if len(then) <= MOST_OF_ADDRESS else ""
    return Attempt(secret=secrets.token_urlsafe(32), begun=int(time.time()), then=kept, session=session)


def resumed(cookie: str, state: str) -> Attempt | None:
    """The attempt of a browser that came back with this state; None where it is not its own, or too old."""
    try:
        secret, begun, session, then = cookie.split(".")
        page = base64.urlsafe_b64decode(then).decode()
        found = Attempt(secret=secret, begun=int(begun), then=page, session=session)
    except ValueError:
        return None
    if session and not (session.isascii() and session.isalnum()):
        return None
    young = 0 <= time.time() - found.begun <= LIFETIME_SECONDS
    return found if young and hmac.compare_digest(found.state.encode(), state.encode("utf-8", "replace")) else None
