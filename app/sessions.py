"""Sessions of the pages: a cookie of 256 random bits, until it is signed out or eight hours old.

The database has the SHA-256 of the cookie. Who signed in by password is known by their account, and their sessions end
with their password. For who signed in by API key it has the key's token sealed under the cookie itself, so that neither
of them is of use without the other. Every request asks anew whether key and account are valid.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta

from cryptography.fernet import Fernet
from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from app import accounts, auth, credentials
from app.context import Caller
from app.credentials import Known
from app.db import reading, transaction
from app.errors import UnauthorizedError
from app.orm import ApiKeyRow, PersonRow, WebSessionRow, now
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
    with transaction(engine) as session:
        _add(session, cookie, caller, _seal(cookie).encrypt(token.encode()))
    return cookie


def begin_by_password(engine: Engine, known: Known) -> str:
    """The cookie of a new session of this person, who knew their password.

    Raises UnauthorizedError where it was changed, or the account disabled, since it was compared.
    """
    cookie = secrets.token_urlsafe(COOKIE_BYTES)
    with transaction(engine) as session:
        person = credentials.unchanged(session, known)
        person.last_sign_in_at = now()
        _add(session, cookie, accounts.caller_of(person), None)
    return cookie


def begin_by_provider(engine: Engine, person_id: str) -> str:
    """The cookie of a new session of this person, whom the OpenID provider let through.

    Raises UnauthorizedError where the account was disabled meanwhile.
    """
    cookie = secrets.token_urlsafe(COOKIE_BYTES)
    with transaction(engine) as session:
        person = session.get(PersonRow, person_id, with_for_update=True)
        if person is None or person.disabled_at is not None or person.subject is None:
            raise _over()
        person.last_sign_in_at = now()
        _add(session, cookie, accounts.caller_of(person), None, how="openid")
    return cookie


def _add(session: Session, cookie: str, caller: Caller, sealed: bytes | None, **facts: str) -> None:
    session.execute(delete(WebSessionRow).where(WebSessionRow.expires_at <= now()))
    row = WebSessionRow(
        id=id_of(cookie),
        tenant_id=caller.tenant_id,
        key_id=caller.key_id,
        person_id=caller.person_id,
        sealed_token=sealed,
        expires_at=now() + LIFETIME,
    )
    session.add(row)
    record(session, caller.tenant_id, caller.actor, Kind.SESSION_BEGUN, caller.actor_id, **facts)


def resume(engine: Engine, cookie: str) -> WebSession:
    """The session of a cookie. Raises UnauthorizedError where it is none, or over, or its key or account is."""
    with reading(engine) as session:
        row = session.get(WebSessionRow, id_of(cookie))
        person = session.get(PersonRow, row.person_id) if row is not None and row.person_id else None
    if row is None or row.expires_at <= now():
        raise _over()
    if row.sealed_token is not None:
        caller = auth.authenticate(engine, _seal(cookie).decrypt(row.sealed_token).decode())
    elif person is not None and person.disabled_at is None:
        caller = accounts.caller_of(person)
    else:
        raise _over()
    return WebSession(caller=replace(caller, session_id=row.id), csrf=csrf_of(cookie))


def _over() -> UnauthorizedError:
    return UnauthorizedError("expected a session that goes on, got none or one that is over: sign in again")


def end(engine: Engine, cookie: str) -> None:
    """Sign out. A cookie of no session is none afterwards either."""
    end_of(engine, id_of(cookie))


def end_of(engine: Engine, session_id: str) -> None:
    """End the session of this id, if there is one."""
    with transaction(engine) as session:
        row = session.get(WebSessionRow, session_id, with_for_update=True)
        if row is not None:
            by = _actor(session, row)
            record(session, row.tenant_id, by, Kind.SESSION_ENDED, by.id)
            session.delete(row)


def _actor(session: Session, row: WebSessionRow) -> Actor:
    """Whose session it is, also where key or account are valid no more."""
    person = None if row.person_id is None else session.get_one(PersonRow, row.person_id)
    key = None if row.key_id is None else session.get_one(ApiKeyRow, row.key_id)
    name = person.name if person else (key.person or key.id) if key else ""
    return Actor(row.key_id or row.person_id or "", person=name, account=row.person_id or "")


def csrf_of(cookie: str) -> str:
    """What a form must carry to be believed: it follows from the cookie, which no other site can read."""
    return hmac.new(cookie.encode(), b"csrf", hashlib.sha256).hexdigest()


def id_of(cookie: str) -> str:
    """The id of the session of this cookie, which says nothing of the cookie."""
    return hashlib.sha256(b"id:" + cookie.encode()).hexdigest()


def _seal(cookie: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"seal:" + cookie.encode()).digest()))
