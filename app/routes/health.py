"""/healthz and /readyz, for whoever watches the process. No key is asked for, and nothing is told."""

from __future__ import annotations

from fastapi import APIRouter, Response

import app
from app.routes.common import BackendOf
from app.services.health import readiness
from app.wire import Health

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> Health:
    """The process answers."""
    return Health(status="ok", version=app.__version__)


@router.get("/readyz", responses={503: {"model": Health, "description": "Something is missing"}})
def readyz(backend: BackendOf, response: Response) -> Health:
    """Database, files and table versions are as they should be."""
    health = readiness(backend)
    response.status_code = 200 if health.status == "ok" else 503
    return health
