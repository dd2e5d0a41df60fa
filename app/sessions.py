"""Sessions of the pages: a cookie of 256 random bits stands for an API key, until it is signed out or eight hours old.

The database has the SHA-256 of the cookie and the key's token sealed under the cookie itself, so that neither of them
is of use without the other. Every request authenticates anew with the token: a key that was revoked ends its sessions.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from cryptography.fernet import Fernet
from sqlalchemy import Engine, delete

from app import auth
from app.context import Caller
from app.db import transaction
from app.errors import UnauthorizedError
from app.orm import WebSessionRow, now
from app.trail import Actor, Kind, record

LIFETIME = timedelta(hours=8)
COOKIE_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class WebSession:
    """Who is signed in, and the token that every form of theirs must carry."""

    caller: Caller
    csrf: str = field(repr=False)


def begin(engine: Engine, caller: Caller, token: str) -> str:
    """The cookie of a new session of this caller, who showed this API key."""
    cookie = secrets.token_urlsafe(COOKIE_BYTES)
    row = WebSessionRow(
        id=_id(cookie),
        tenant_id=caller.tenant_id,
        key_id=caller.key_id,
        sealed_token=_seal(cookie).encrypt(token.encode()),
        expires_at=now() + LIFETIME,
    )
    with transaction(engine) as session:
        session.execute(delete(WebSessionRow).where(WebSessionRow.expires_at <= now()))
        session.add(row)
        record(session, caller.tenant_id, caller.actor, Kind.SESSION_BEGUN, caller.key_id)
    return cookie


def resume(engine: Engine, cookie: str) -> WebSession:
    """The session of a cookie. Raises UnauthorizedError where it is none, or over, or its key is valid no more."""
    with transaction(engine) as session:
        row = session.get(WebSessionRow, _id(cookie))
    if row is None or row.expires_at <= now():
        raise UnauthorizedError("expected a session that goes on, got none or one that is over: sign in again")
    caller = auth.authenticate(engine, _seal(cookie).decrypt(row.sealed_token).decode())
    return WebSession(caller=caller, csrf=csrf_of(cookie))


def end(engine: Engine, cookie: str) -> None:
    """Sign out. A cookie of no session is none afterwards either."""
    with transaction(engine) as session:
        row = session.get(WebSessionRow, _id(cookie), with_for_update=True)
        if row is not None:
            record(session, row.tenant_id, Actor(row.key_id), Kind.SESSION_ENDED, row.key_id)
            session.delete(row)


def csrf_of(cookie: str) -> str:
    """What a form must carry to be believed: it follows from the cookie, which no other site can read."""
    return hmac.new(cookie.encode(), b"csrf", hashlib.sha256).hexdigest()


def _id(cookie: str) -> str:
    return hashlib.sha256(b"id:" + cookie.encode()).hexdigest()


def _seal(cookie: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"seal:" + cookie.encode()).digest()))
