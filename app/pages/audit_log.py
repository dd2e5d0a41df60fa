"""The audit log of a tenant, for its auditors and administrators: what happened, and whether the log is whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app import auth, checkpoints
from app.pages.common import PageRoute, SignedIn, page
from app.routes.common import BackendOf, Cursor
from app.services import audit_log
from app.sessions import WebSession
from app.states import Scope
from app.trail import Kind

PAGE = 50
FACTS = 6
"""So many facts of an event are shown; the API gives all."""

router = APIRouter(route_class=PageRoute, include_in_schema=False)


def auditor(session: SignedIn) -> WebSession:
    """Who is signed in and may see who did what. Raises ForbiddenError without the scope audit."""
    auth.demand(session.caller, Scope.AUDIT)
    return session


Auditing = Annotated[WebSession, Depends(auditor)]
Subject = Annotated[str, Query(max_length=200)]


@router.get("/audit")
def show(
    backend: BackendOf,
    session: Auditing,
    cursor: Cursor = None,
    kind: str = "",
    subject: Subject = "",
    check: bool = False,
) -> Response:
    """The events, newest first, of one kind or about one thing where that is asked; with `check` the log is checked."""
    chosen, about = kind if kind in set(Kind) else "", subject.strip()
    found = audit_log.listed(backend, session.caller, cursor, PAGE, kind=chosen or None, subject=_id(about))
    signed = checkpoints.read(backend.blobs, backend.settings.home) if check else None
    return page(
        "audit_log.html",
        session=session,
        found=found,
        kinds=sorted(Kind),
        kind=chosen,
        subject=about,
        facts=FACTS,
        checked=None if signed is None else audit_log.verify_own(backend, session.caller, signed),
        newest=None if signed is None else audit_log.signed_up_to(signed, session.caller.tenant_id),
    )


def _id(subject: str) -> str | None:
    """The id that was asked for; what cannot be one is that of nothing."""
    if not subject:
        return None
    return subject if subject.isascii() and subject.isprintable() else "-"
