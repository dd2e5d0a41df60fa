"""The API keys of a tenant."""

from __future__ import annotations

from datetime import timedelta

from app import auth
from app.auth import IssuedKey
from app.context import Backend, Caller
from app.db import reading
from app.errors import InvalidRequestError
from app.orm import ApiKeyRow, now
from app.wire import ApiKey, ApiKeys, NewKey, NewKeyRequest


def listed(backend: Backend, caller: Caller) -> ApiKeys:
    """All keys of the caller's tenant."""
    return ApiKeys(items=[view(row) for row in auth.keys_of(backend.engine, caller.tenant_id)])


def create(backend: Backend, caller: Caller, request: NewKeyRequest) -> NewKey:
    """A new key. Raises InvalidRequestError where it would be over before it begins."""
    if request.expires_at is not None and request.expires_at <= now():
        raise InvalidRequestError("expires_at: expected a moment in the future, got one in the past")
    issued = auth.create_key(
        backend.engine,
        caller.tenant_id,
        request.scopes,
        person=request.person,
        expires_at=request.expires_at,
        by=caller.actor,
    )
    return _issued(backend, issued)


def rotate(backend: Backend, caller: Caller, key_id: str, overlap: timedelta) -> NewKey:
    """The key that takes the place of another one. Raises NotFoundError where there is none of this id."""
    return _issued(backend, auth.rotate_key(backend.engine, caller.tenant_id, key_id, overlap, by=caller.actor))


def _issued(backend: Backend, issued: IssuedKey) -> NewKey:
    with reading(backend.engine) as session:
        row = session.get_one(ApiKeyRow, issued.key_id)
    return NewKey(**view(row).model_dump(), token=issued.token)


def view(row: ApiKeyRow) -> ApiKey:
    """A key without its secret."""
    fields = {name: getattr(row, name) for name in ApiKey.model_fields}
    return ApiKey.model_validate(fields | {"person": row.person or row.id})
