"""The trained generators, from which more records may be drawn."""

from __future__ import annotations

from fastapi import APIRouter, Response

from app.pages.common import Reading, page
from app.pages.forms import FormRoute
from app.routes.common import BackendOf, Cursor
from app.services import jobs, releases
from app.states import Scope

PAGE = 25

router = APIRouter(route_class=FormRoute, include_in_schema=False)


@router.get("/models")
def listed(backend: BackendOf, session: Reading, cursor: Cursor = None) -> Response:
    """The models, newest first."""
    found = jobs.listed_models(backend, session.caller, cursor, PAGE)
    names = releases.names(backend, session.caller, found.items)
    return page("models.html", session=session, found=found, names=names, may_write=session.caller.may(Scope.WRITE))
