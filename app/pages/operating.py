"""How the service stands, for administrators: queue, workers, storage, versions."""

from __future__ import annotations

from fastapi import APIRouter, Response

from app.pages.common import Administering, PageRoute, page
from app.routes.common import BackendOf
from app.services.operating import operating
from app.states import JobState

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/service")
def show(backend: BackendOf, session: Administering) -> Response:
    """How the service stands now."""
    return page("operating.html", session=session, found=operating(backend, session.caller), states=list(JobState))
