"""API keys: a bearer token of a public prefix and 256 secret bits, of which only the SHA-256 is kept.

    lk_<prefix>_<secret>

The prefix finds the row (`key_<prefix>`), the secret is compared in constant time.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.context import Caller
from app.db import reading, transaction
from app.errors import ConflictError, ForbiddenError, NotFoundError, UnauthorizedError
from app.orm import ApiKeyRow, TenantRow, new_id, now
from app.states import Scope
from app.trail import OPERATOR, Actor, Kind, record

SECRET_BYTES = 32
USED_EVERY = timedelta(minutes=1)
PREFIX_BYTES = 8
FIRST_KEY_LOCK = 0x6B657973
NO_KEY_SHA256 = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedKey:
    """A key at the one moment when its token is known. Show the token once and forget it."""

    tenant_id: str
    key_id: str
    token: str = field(repr=False)


def create_tenant_and_key(
    engine: Engine, name: str, scopes: Iterable[Scope], *, person: str | None = None
) -> IssuedKey:
    """A new tenant and its first key."""
    with transaction(engine) as session:
        return _tenant_and_key(session, name, scopes, person=person)


def create_key(
    engine: Engine,
    tenant_id: str,
    scopes: Iterable[Scope],
    *,
    person: str | None = None,
    expires_at: datetime | None = None,
    by: Actor = OPERATOR,
) -> IssuedKey:
    """One more key of a tenant, for example a reviewer's; `person` is who will hold it."""
    with transaction(engine) as session:
        return _key(session, tenant_id, scopes, person=person, expires_at=expires_at, by=by)


def rotate_key(engine: Engine, tenant_id: str, key_id: str, overlap: timedelta, *, by: Actor = OPERATOR) -> IssuedKey:
    """A new key in place of another one, of the same person and scopes. The old one is valid for `overlap` more.

    Raises NotFoundError where the tenant has no such key that is valid, and ConflictError where another one has taken
    its place before: whoever has lost the answer of then rotates that one, which has the right end.
    """
    with transaction(engine) as session:
        old = _valid_key(session, tenant_id, key_id)
        if old.rotated_to is not None:
            raise ConflictError(
                f"expected a key that was not rotated yet, got one that {old.rotated_to} has replaced; rotate that one"
            )
        scopes = [Scope(scope) for scope in old.scopes]
        fresh = _key(session, tenant_id, scopes, person=_person(old), expires_at=old.expires_at, by=by)
        over = now() + overlap
        old.rotated_to = fresh.key_id
        old.expires_at = over if old.expires_at is None else min(old.expires_at, over)
        record(session, tenant_id, by, Kind.KEY_ROTATED, key_id, to=fresh.key_id)
        return fresh


def keys_of(engine: Engine, tenant_id: str) -> list[ApiKeyRow]:
    """All keys of a tenant, those that are over too, oldest first."""
    with reading(engine) as session:
        found = select(ApiKeyRow).where(ApiKeyRow.tenant_id == tenant_id).order_by(ApiKeyRow.created_at, ApiKeyRow.id)
        return list(session.scalars(found))


def create_first_key(engine: Engine) -> IssuedKey | None:
    """An administrator's key of a first tenant, or None where the installation has a key already."""
    with transaction(engine) as session:
        if engine.dialect.name == "postgresql":  # SQLite's transactions are exclusive by themselves
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": FIRST_KEY_LOCK})
        if session.scalar(select(ApiKeyRow.id).limit(1)) is not None:
            return None
        return _tenant_and_key(session, "default", [Scope.ADMIN])


def revoke_key(engine: Engine, key_id: str) -> bool:
    """True where the key was valid until now."""
    with transaction(engine) as session:
        row = session.get(ApiKeyRow, key_id)
        if row is None or row.revoked_at is not None:
            return False
        row.revoked_at = now()
        record(session, row.tenant_id, OPERATOR, Kind.KEY_REVOKED, key_id)
        return True


def tenant_of_key(engine: Engine, key_id: str) -> str:
    """Whose key it is. Raises NotFoundError where there is none of this id."""
    row = _find(engine, key_id)
    if row is None:
        raise NotFoundError("expected the id of a key, got another one")
    return row.tenant_id


def revoke_key_of(engine: Engine, tenant_id: str, key_id: str, *, by: Actor = OPERATOR) -> None:
    """Revoke a key of the tenant. Raises NotFoundError where it has no such key that is valid."""
    with transaction(engine) as session:
        _valid_key(session, tenant_id, key_id).revoked_at = now()
        record(session, tenant_id, by, Kind.KEY_REVOKED, key_id)


def authenticate(engine: Engine, token: str | None) -> Caller:
    """Who holds this token. Raises UnauthorizedError where nobody does, or nobody does any more."""
    mark, _, rest = (token or "").partition("_")
    prefix, _, secret = rest.partition("_")
    row = _find(engine, f"key_{prefix}") if mark == "lk" and prefix.isalnum() else None
    kept = NO_KEY_SHA256 if row is None else row.secret_sha256
    right = secrets.compare_digest(kept, _sha256(secret))
    if row is None or not right or not _is_valid(row):
        raise _unauthorized()
    _note_use(engine, row)
    return Caller(
        tenant_id=row.tenant_id, key_id=row.id, scopes=frozenset(Scope(s) for s in row.scopes), person=_person(row)
    )


def require_valid(engine: Engine, caller: Caller) -> None:
    """Raises UnauthorizedError where the caller's key was revoked or has expired since the request began."""
    row = _find(engine, caller.key_id)
    if row is None or not _is_valid(row):
        raise _unauthorized()


def person_of_key(session: Session, key_id: str) -> str:
    """Who holds the key; the key itself where nobody is named."""
    row = session.get(ApiKeyRow, key_id)
    return key_id if row is None else _person(row)


def is_same_person(one: str, other: str) -> bool:
    """True where two names differ at most in capitals and spaces."""
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()


def demand(caller: Caller, *scopes: Scope) -> None:
    """Raises ForbiddenError where the key has none of the scopes."""
    if not any(caller.may(scope) for scope in scopes):
        had = ", ".join(sorted(caller.scopes)) or "none"
        wanted = scopes[0].value
        raise ForbiddenError(
            f"expected an API key with the scope {' or '.join(scopes)}, got one with {had}",
            headers={"WWW-Authenticate": f'Bearer realm="lookalike", error="insufficient_scope", scope="{wanted}"'},
        )


def _find(engine: Engine, key_id: str) -> ApiKeyRow | None:
    with reading(engine) as session:
        return session.get(ApiKeyRow, key_id)


def _valid_key(session: Session, tenant_id: str, key_id: str) -> ApiKeyRow:
    row = session.get(ApiKeyRow, key_id, with_for_update=True) if key_id.isprintable() else None
    if row is None or row.tenant_id != tenant_id or not _is_valid(row):
        raise NotFoundError("expected the id of one of the tenant's valid keys, got another one")
    return row


def _is_valid(row: ApiKeyRow) -> bool:
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > now())


def _person(row: ApiKeyRow) -> str:
    return row.person or row.id


def _note_use(engine: Engine, row: ApiKeyRow) -> None:
    """Write down that the key was used, once a minute. A database that is too busy for it need not."""
    if row.last_used_at is None or row.last_used_at < now() - USED_EVERY:
        with suppress(SQLAlchemyError), transaction(engine) as session:
            session.execute(update(ApiKeyRow).where(ApiKeyRow.id == row.id).values(last_used_at=now()))


def _unauthorized() -> UnauthorizedError:
    return UnauthorizedError(
        "expected the header Authorization: Bearer lk_... with a valid API key, got none or another one",
        headers={"WWW-Authenticate": 'Bearer realm="lookalike"'},
    )


def _tenant_and_key(session: Session, name: str, scopes: Iterable[Scope], *, person: str | None = None) -> IssuedKey:
    tenant = TenantRow(id=new_id("tenant"), name=name)
    session.add(tenant)
    session.flush()
    record(session, tenant.id, OPERATOR, Kind.TENANT_CREATED, tenant.id)
    return _key(session, tenant.id, scopes, person=person)


def _key(
    session: Session,
    tenant_id: str,
    scopes: Iterable[Scope],
    *,
    person: str | None = None,
    expires_at: datetime | None = None,
    by: Actor = OPERATOR,
) -> IssuedKey:
    prefix, secret = secrets.token_hex(PREFIX_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    row = ApiKeyRow(
        id=f"key_{prefix}",
        tenant_id=tenant_id,
        secret_sha256=_sha256(secret),
        scopes=sorted({Scope(scope).value for scope in scopes}),
        person=person or f"key_{prefix}",
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    record(session, tenant_id, by, Kind.KEY_CREATED, row.id, scopes=row.scopes, holder=row.person)
    return IssuedKey(tenant_id=tenant_id, key_id=row.id, token=f"lk_{prefix}_{secret}")


def token_sha256(token: str) -> str:
    """The hash of a whole token, by which it can be remembered without being kept."""
    return _sha256(token)


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
