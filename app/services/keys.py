"""The API keys of a tenant: all of them for its administrators, their own for people."""

from __future__ import annotations

from datetime import timedelta

from app import accounts, auth
from app.auth import IssuedKey
from app.context import Backend, Caller
from app.db import reading
from app.errors import ForbiddenError, InvalidRequestError
from app.orm import ApiKeyRow, now
from app.states import Scope, within
from app.wire import ApiKey, ApiKeys, NewKey, NewKeyRequest


def listed(backend: Backend, caller: Caller) -> ApiKeys:
    """All keys of the caller's tenant, for administrators; for others those of their own account."""
    owner = None if caller.may(Scope.ADMIN) else _person_of(caller)
    return ApiKeys(items=[view(row) for row in auth.keys_of(backend.engine, caller.tenant_id, owner)])


def create(backend: Backend, caller: Caller, request: NewKeyRequest) -> NewKey:
    """A new key: of the caller's account where the caller has one and names nobody else.

    Raises InvalidRequestError where it would be over before it begins, ForbiddenError where it asks for more than the
    caller may or names somebody else without the scope admin, and ConflictError where it names somebody who has an
    account: nobody makes keys in their name but they.
    """
    if request.expires_at is not None and request.expires_at <= now():
        raise InvalidRequestError("expires_at: expected a moment in the future, got one in the past")
    if not caller.may(Scope.ADMIN) and (request.person or not _may_all(caller, request)):
        raise ForbiddenError("expected a key of the own account, with no scope that its person lacks, got another one")
    owner = None
    if request.person is None and caller.person_id is not None:
        owner = accounts.person_of(backend.engine, caller.tenant_id, caller.person_id)
    elif request.person is not None:
        accounts.require_no_account(backend.engine, caller.tenant_id, request.person)
    issued = auth.create_key(
        backend.engine,
        caller.tenant_id,
        request.scopes,
        person=request.person,
        expires_at=request.expires_at,
        owner=owner,
        name=request.name or "",
        by=caller.actor,
    )
    return _issued(backend, issued)


def rotate(backend: Backend, caller: Caller, key_id: str, overlap: timedelta) -> NewKey:
    """The key that takes the place of another one. Raises NotFoundError where there is none of this id, ForbiddenError
    where it is of another person's account.
    """
    if not caller.may(Scope.ADMIN):
        _require_own(backend, caller, key_id)
    return _issued(backend, auth.rotate_key(backend.engine, caller.tenant_id, key_id, overlap, by=caller.actor))


def revoke(backend: Backend, caller: Caller, key_id: str) -> None:
    """Revoke a key: any of the tenant for administrators, one of their own for others. Raises NotFoundError else."""
    owner = None if caller.may(Scope.ADMIN) else _person_of(caller)
    auth.revoke_key_of(backend.engine, caller.tenant_id, key_id, owner=owner, by=caller.actor)


def _person_of(caller: Caller) -> str:
    if caller.person_id is None:
        raise ForbiddenError("expected an administrator or a person with an account, got a key of nobody's account")
    return caller.person_id


def _may_all(caller: Caller, request: NewKeyRequest) -> bool:
    asked = frozenset(request.scopes)
    return within(asked, caller.scopes) == asked


def _require_own(backend: Backend, caller: Caller, key_id: str) -> None:
    own = {row.id for row in auth.keys_of(backend.engine, caller.tenant_id, _person_of(caller))}
    if key_id not in own:
        raise ForbiddenError("expected a key of the own account, got another one")


def _issued(backend: Backend, issued: IssuedKey) -> NewKey:
    with reading(backend.engine) as session:
        row = session.get_one(ApiKeyRow, issued.key_id)
    return NewKey(**view(row).model_dump(), token=issued.token)


def view(row: ApiKeyRow) -> ApiKey:
    """A key without its secret."""
    fields = {name: getattr(row, name) for name in ApiKey.model_fields}
    return ApiKey.model_validate(fields | {"person": row.person or row.id})
