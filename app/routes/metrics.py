"""/metrics, for Prometheus on this machine or with the token of the settings"""

from __future__ import annotations

import hmac
import ipaddress

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.errors import ForbiddenError, UnauthorizedError
from app.routes.common import BackendOf
from app.services.metrics import exposition

FORWARDING = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers of a proxy, behind which anybody may be, also where it runs on this machine."""

router = APIRouter()


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request, backend: BackendOf) -> Response:
    """The metrics, where the request comes from this machine or, once a token is set, with it."""
    _authorize(request, backend.settings.metrics_token)
    return Response(exposition(backend), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def _authorize(request: Request, token: str) -> None:
    """Raises UnauthorizedError without the token that is set, ForbiddenError from elsewhere where none is set."""
    if token:
        sent = request.headers.get("authorization", "")
        if not hmac.compare_digest(sent.encode("latin-1"), f"Bearer {token}".encode()):
            raise UnauthorizedError(
                "expected the header Authorization: Bearer with LOOKALIKE_METRICS_TOKEN, got none or another one",
                headers={"WWW-Authenticate": 'Bearer realm="lookalike metrics"'},
            )
    elif not _is_local(request):
        raise ForbiddenError(
            "expected a request from this machine and not through a proxy, got another one: set LOOKALIKE_METRICS_TOKEN"
        )


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDING):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
