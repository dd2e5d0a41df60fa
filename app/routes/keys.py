"""/v1/keys, for administrators of a tenant"""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Response

from app.routes.common import Administrator, BackendOf
from app.services import keys
from app.wire import ApiKeys, NewKey, NewKeyRequest, RotationRequest

router = APIRouter(prefix="/v1", tags=["keys"])


@router.get("/keys")
def list_keys(backend: BackendOf, caller: Administrator) -> ApiKeys:
    """The tenant's keys, those that are over too, with who holds them and when they were used last."""
    return keys.listed(backend, caller)


@router.post("/keys", status_code=201)
def create_key(backend: BackendOf, caller: Administrator, body: NewKeyRequest, response: Response) -> NewKey:
    """Make a key. Its token is in this answer and nowhere else."""
    response.headers["Cache-Control"] = "no-store"
    return keys.create(backend, caller, body)


@router.post("/keys/{key_id}/rotation", status_code=201)
def rotate_key(
    backend: BackendOf, caller: Administrator, key_id: str, body: RotationRequest, response: Response
) -> NewKey:
    """Make a key in place of another one, which stays valid for as long as is asked."""
    response.headers["Cache-Control"] = "no-store"
    return keys.rotate(backend, caller, key_id, timedelta(hours=body.overlap_hours))


@router.delete("/keys/{key_id}", status_code=204)
def revoke_key(backend: BackendOf, caller: Administrator, key_id: str) -> None:
    """Revoke a key. What it follows ends within a second."""
    keys.revoke(backend, caller, key_id)
