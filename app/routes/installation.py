"""/v1/installation, for whoever operates all of it"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials

from app.errors import ForbiddenError
from app.operators import is_of_operator
from app.routes.common import BackendOf, authenticated, bearer, operating
from app.services import installation as service
from app.wire_installation import Installation

router = APIRouter(prefix="/v1/installation", tags=["installation"])


@router.get("")
def installation(
    request: Request, backend: BackendOf, key: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Installation:
    """Workers, queues, disk and versions of the whole installation. It takes an operator's key; no key of a tenant."""
    token = "" if key is None else key.credentials
    if not is_of_operator(token):
        authenticated(request, backend, token)
        raise ForbiddenError("expected an operator's key lo_..., got one of a tenant")
    operating(request, backend, token)
    return service.installation(backend)
