"""API keys: a bearer token of a public prefix and 256 secret bits, of which only the SHA-256 is kept.

    lk_<prefix>_<secret>

The prefix finds the row (`key_<prefix>`), the secret is compared in constant time. A key may belong to the account of a
person: then it may do no more than that person, and nothing once the account is disabled.
"""

from __future__ import annotations

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
from app.issued import is_kept, new_prefix, new_secret, sha256_of
from app.orm import ApiKeyRow, PersonRow, TenantRow, WebSessionRow, new_id, now
from app.states import Scope, scopes_of, within
from app.trail import OPERATOR, Actor, Kind, record

USED_EVERY = timedelta(minutes=1)
FIRST_KEY_LOCK = 0x6B657973


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedKey:
    """A key at the one moment when its token is known. Show the token once and forget it."""

    tenant_id: str
    key_id: str
    token: str = field(repr=False)


def add_tenant(session: Session, name: str) -> str:
    """The id of a new tenant."""
    tenant = TenantRow(id=new_id("tenant"), name=name)
    session.add(tenant)
    session.flush()
    record(session, tenant.id, OPERATOR, Kind.TENANT_CREATED, tenant.id)
    return tenant.id


def create_tenant_and_key(
    engine: Engine, name: str, scopes: Iterable[Scope], *, person: str | None = None
) -> IssuedKey:
    """A new tenant and its first key."""
    with transaction(engine) as session:
        return _tenant_and_key(session, name, scopes, person=person)


def create_key(  # noqa: PLR0913 - all but three by name
    engine: Engine,
    tenant_id: str,
    scopes: Iterable[Scope],
    *,
    person: str | None = None,
    expires_at: datetime | None = None,
    owner: PersonRow | None = None,
    name: str = "",
    by: Actor = OPERATOR,
) -> IssuedKey:
    """One more key of a tenant; `person` is the name of who will hold it, `owner` the account that it belongs to."""
    with transaction(engine) as session:
        return _key(session, tenant_id, scopes, person=person, expires_at=expires_at, owner=owner, name=name, by=by)


def rotate_key(engine: Engine, tenant_id: str, key_id: str, overlap: timedelta, *, by: Actor = OPERATOR) -> IssuedKey:
    """A new key in place of another one, of the same person and scopes. The old one is valid for `overlap` more.

    `by` is who asks: a key of an account is rotated by its person, or by whoever runs the installation. Raises
    ForbiddenError for anybody else, NotFoundError where the tenant has no such key that is valid, and ConflictError
    where another one has taken its place before: whoever has lost the answer of then rotates that one, which has the
    right end.
    """
    with transaction(engine) as session:
        old = _valid_key(session, tenant_id, key_id)
        if old.person_id not in (None, by.account) and by != OPERATOR:
            raise ForbiddenError("expected a key of nobody's account or of the own one: only its person rotates it")
        if old.rotated_to is not None:
            raise ConflictError(
                f"expected a key that was not rotated yet, got one that {old.rotated_to} has replaced; rotate that one"
            )
        owner = None if old.person_id is None else session.get_one(PersonRow, old.person_id)
        fresh = _key(
            session,
            tenant_id,
            [Scope(scope) for scope in old.scopes],
            person=_person(old),
            expires_at=old.expires_at,
            owner=owner,
            name=old.name,
            by=by,
        )
        over = now() + overlap
        old.rotated_to = fresh.key_id
        old.expires_at = over if old.expires_at is None else min(old.expires_at, over)
        record(session, tenant_id, by, Kind.KEY_ROTATED, key_id, to=fresh.key_id)
        return fresh


def keys_of(engine: Engine, tenant_id: str, owner: str | None = None) -> list[ApiKeyRow]:
    """All keys of a tenant, or those of one of its people, those that are over too, oldest first."""
    found = select(ApiKeyRow).where(ApiKeyRow.tenant_id == tenant_id).order_by(ApiKeyRow.created_at, ApiKeyRow.id)
    with reading(engine) as session:
        return list(session.scalars(found if owner is None else found.where(ApiKeyRow.person_id == owner)))


def create_first_key(engine: Engine) -> IssuedKey | None:
    """An administrator's key of the first tenant, or None where the installation has a key already."""
    with transaction(engine) as session:
        if engine.dialect.name == "postgresql":  # SQLite's transactions are exclusive by themselves
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": FIRST_KEY_LOCK})
        if session.scalar(select(ApiKeyRow.id).limit(1)) is not None:
            return None
        first = session.scalar(select(TenantRow.id).order_by(TenantRow.created_at).limit(1))
        if first is not None:  # people were added before the first start
            return _key(session, first, [Scope.ADMIN])
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


def key_row(engine: Engine, key_id: str) -> ApiKeyRow:
    """The key, of whatever tenant. Raises NotFoundError where there is none of this id."""
    row, _ = _find(engine, key_id)
    if row is None:
        raise NotFoundError("expected the id of a key, got another one")
    return row


def revoke_key_of(
    engine: Engine, tenant_id: str, key_id: str, *, owner: str | None = None, by: Actor = OPERATOR
) -> None:
    """Revoke a key of the tenant, or of one of its people. Raises NotFoundError where there is no such valid key."""
    with transaction(engine) as session:
        row = session.get(ApiKeyRow, key_id, with_for_update=True) if key_id.isprintable() else None
        if row is None or row.tenant_id != tenant_id or not _lives(row) or owner not in (None, row.person_id):
            raise _no_key()
        row.revoked_at = now()
        record(session, tenant_id, by, Kind.KEY_REVOKED, key_id)


def authenticate(engine: Engine, token: str | None) -> Caller:
    """Who holds this token. Raises UnauthorizedError where nobody does, or nobody does any more."""
    mark, _, rest = (token or "").partition("_")
    prefix, _, secret = rest.partition("_")
    row, owner = _find(engine, f"key_{prefix}") if mark == "lk" and prefix.isalnum() else (None, None)
    right = is_kept(secret, None if row is None else row.secret_sha256)
    if row is None or not right or not _is_valid(row, owner):
        raise _unauthorized()
    _note_use(engine, row)
    return Caller(
        tenant_id=row.tenant_id,
        key_id=row.id,
        person_id=row.person_id,
        scopes=_scopes_now(row, owner),
        person=_person(row) if owner is None else owner.name,
    )


def require_valid(engine: Engine, caller: Caller) -> None:
    """Raises UnauthorizedError where the caller's key, account or session is over since the request began, or may do
    less than then.
    """
    with reading(engine) as session:
        owner = session.get(PersonRow, caller.person_id) if caller.person_id else None
        key = session.get(ApiKeyRow, caller.key_id) if caller.key_id else None
        opened = session.get(WebSessionRow, caller.session_id) if caller.session_id else None
    if caller.session_id and (opened is None or opened.expires_at <= now()):
        raise _unauthorized()
    if caller.key_id and (key is None or not _is_valid(key, owner)):
        raise _unauthorized()
    if caller.person_id and (owner is None or owner.disabled_at is not None):
        raise _unauthorized()
    if not caller.scopes <= _scopes_now(key, owner):
        raise _unauthorized()


def _scopes_now(key: ApiKeyRow | None, owner: PersonRow | None) -> frozenset[Scope]:
    """What somebody may do with this key, without one as this person."""
    most = None if owner is None else scopes_of(owner.roles)
    if key is None:
        return most or frozenset()
    scopes = frozenset(Scope(scope) for scope in key.scopes)
    return scopes if most is None else within(scopes, most)


def demand(caller: Caller, *scopes: Scope) -> None:
    """Raises ForbiddenError where the caller has none of the scopes."""
    if not any(caller.may(scope) for scope in scopes):
        had = ", ".join(sorted(caller.scopes)) or "none"
        wanted = scopes[0].value
        raise ForbiddenError(
            f"expected a key or a person with the scope {' or '.join(scopes)}, got one with {had}",
            headers={"WWW-Authenticate": f'Bearer realm="lookalike", error="insufficient_scope", scope="{wanted}"'},
        )


def _find(engine: Engine, key_id: str) -> tuple[ApiKeyRow | None, PersonRow | None]:
    """The key and the person whose it is."""
    with reading(engine) as session:
        row = session.get(ApiKeyRow, key_id)
        return row, None if row is None or row.person_id is None else session.get(PersonRow, row.person_id)


def _valid_key(session: Session, tenant_id: str, key_id: str) -> ApiKeyRow:
    row = session.get(ApiKeyRow, key_id, with_for_update=True) if key_id.isprintable() else None
    owner = None if row is None or row.person_id is None else session.get(PersonRow, row.person_id)
    if row is None or row.tenant_id != tenant_id or not _is_valid(row, owner):
        raise _no_key()
    return row


def _no_key() -> NotFoundError:
    return NotFoundError("expected the id of one of the tenant's valid keys, got another one")


def _is_valid(row: ApiKeyRow, owner: PersonRow | None) -> bool:
    if row.person_id is not None and (owner is None or owner.disabled_at is not None):
        return False
    return _lives(row)


def _lives(row: ApiKeyRow) -> bool:
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
    return _key(session, add_tenant(session, name), scopes, person=person)


def _key(  # noqa: PLR0913 - all but three by name
    session: Session,
    tenant_id: str,
    scopes: Iterable[Scope],
    *,
    person: str | None = None,
    expires_at: datetime | None = None,
    owner: PersonRow | None = None,
    name: str = "",
    by: Actor = OPERATOR,
) -> IssuedKey:
    prefix, secret = new_prefix(), new_secret()
    row = ApiKeyRow(
        id=f"key_{prefix}",
        tenant_id=tenant_id,
        secret_sha256=sha256_of(secret),
        scopes=sorted({Scope(scope).value for scope in scopes}),
        person=owner.name if owner else person or f"key_{prefix}",
        person_id=owner.id if owner else None,
        name=name,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    facts = {"scopes": row.scopes, "holder": row.person, "account": row.person_id}
    record(session, tenant_id, by, Kind.KEY_CREATED, row.id, **facts)
    return IssuedKey(tenant_id=tenant_id, key_id=row.id, token=f"lk_{prefix}_{secret}")
