"""API keys: a bearer token of a public prefix and 256 secret bits, of which only the SHA-256 is kept.

    lk_<prefix>_<secret>

The prefix finds the row (`key_<prefix>`), the secret is compared in constant time.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from app.context import Caller
from app.db import reading, transaction
from app.errors import ForbiddenError, UnauthorizedError
from app.orm import ApiKeyRow, TenantRow, new_id, now
from app.states import Scope

SECRET_BYTES = 32
PREFIX_BYTES = 8
FIRST_KEY_LOCK = 0x6B657973
NO_KEY_SHA256 = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedKey:
    """A key at the one moment when its token is known. Show the token once and forget it."""

    tenant_id: str
    key_id: str
    token: str = field(repr=False)


def create_tenant_and_key(engine: Engine, name: str, scopes: Iterable[Scope]) -> IssuedKey:
    """A new tenant and its first key."""
    with transaction(engine) as session:
        return _tenant_and_key(session, name, scopes)


def create_key(engine: Engine, tenant_id: str, scopes: Iterable[Scope]) -> IssuedKey:
    """One more key of a tenant, for example a reviewer's."""
    with transaction(engine) as session:
        return _key(session, tenant_id, scopes)


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
        return True


def authenticate(engine: Engine, token: str | None) -> Caller:
    """Who holds this token. Raises UnauthorizedError where nobody does, or nobody does any more."""
    mark, _, rest = (token or "").partition("_")
    prefix, _, secret = rest.partition("_")
    row = _find(engine, f"key_{prefix}") if mark == "lk" and prefix.isalnum() else None
    kept = NO_KEY_SHA256 if row is None else row.secret_sha256
    right = secrets.compare_digest(kept, _sha256(secret))
    if row is None or not right or row.revoked_at is not None:
        raise UnauthorizedError(
            "expected the header Authorization: Bearer lk_... with a valid API key, got none or another one",
            headers={"WWW-Authenticate": 'Bearer realm="lookalike"'},
        )
    return Caller(tenant_id=row.tenant_id, key_id=row.id, scopes=frozenset(Scope(s) for s in row.scopes))


def demand(caller: Caller, scope: Scope) -> None:
    """Raises ForbiddenError where the key lacks the scope."""
    if not caller.may(scope):
        had = ", ".join(sorted(caller.scopes)) or "none"
        raise ForbiddenError(
            f"expected an API key with the scope {scope.value}, got one with {had}",
            headers={
                "WWW-Authenticate": f'Bearer realm="lookalike", error="insufficient_scope", scope="{scope.value}"'
            },
        )


def _find(engine: Engine, key_id: str) -> ApiKeyRow | None:
    with reading(engine) as session:
        return session.get(ApiKeyRow, key_id)


def _tenant_and_key(session: Session, name: str, scopes: Iterable[Scope]) -> IssuedKey:
    tenant = TenantRow(id=new_id("tenant"), name=name)
    session.add(tenant)
    session.flush()
    return _key(session, tenant.id, scopes)


def _key(session: Session, tenant_id: str, scopes: Iterable[Scope]) -> IssuedKey:
    prefix, secret = secrets.token_hex(PREFIX_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    row = ApiKeyRow(
        id=f"key_{prefix}",
        tenant_id=tenant_id,
        secret_sha256=_sha256(secret),
        scopes=sorted({Scope(scope).value for scope in scopes}),
    )
    session.add(row)
    session.flush()
    return IssuedKey(tenant_id=tenant_id, key_id=row.id, token=f"lk_{prefix}_{secret}")


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
