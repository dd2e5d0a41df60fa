"""The first page: what waits for whom."""

from __future__ import annotations

from fastapi import APIRouter, Response

from app.pages.common import SignedIn, page
from app.pages.forms import FormRoute
from app.pages.jobs import KINDS, STATES, TONES
from app.routes.common import BackendOf
from app.services import releases
from app.services.overview import SHOWN, overview
from app.states import Scope

router = APIRouter(route_class=FormRoute, include_in_schema=False)


@router.get("/")
def home(backend: BackendOf, session: SignedIn) -> Response:
    """What waits for a reviewer, for a worker, for whoever sent it, and to be downloaded."""
    found = overview(backend, session.caller)
    names = releases.names(backend, session.caller, [*found.in_review, *found.active, *found.failed, *found.released])
    may = session.caller.may
    return page(
        "home.html",
        session=session,
        found=found,
        names=names,
        shown=SHOWN,
        states=STATES,
        tones=TONES,
        kinds=KINDS,
        may_read=may(Scope.READ),
        may_write=may(Scope.WRITE),
        may_review=may(Scope.REVIEW),
    )
