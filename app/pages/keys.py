"""API keys: all of the tenant for administrators, their own for people who signed in by password."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from app.errors import ForbiddenError, InvalidRequestError, ServiceError
from app.orm import now
from app.pages import common
from app.pages.common import Form, FormOf, SignedIn, looked_at, page, said_of
from app.pages.forms import FormRoute
from app.routes.common import BackendOf
from app.services import keys
from app.sessions import WebSession
from app.states import Scope
from app.wire import ApiKey, NewKey, NewKeyRequest

OVERLAP = timedelta(hours=24)
"""For so long a key stays valid that was rotated on the page."""

router = APIRouter(route_class=FormRoute, include_in_schema=False)


def holder(session: SignedIn) -> WebSession:
    """Who may make keys here. A key that leaks must not make others: without the scope admin it takes the password."""
    caller = session.caller
    if not caller.may(Scope.ADMIN) and (caller.person_id is None or caller.key_id is not None):
        raise ForbiddenError("expected an administrator or somebody who signed in by password, got another key")
    return session


Holding = Annotated[WebSession, Depends(holder)]


@router.get("/keys")
def show(backend: BackendOf, session: Holding) -> Response:
    """The keys, and the form that makes one."""
    return _keys(backend, session)


@router.get("/keys/{key_id}")
def show_one(backend: BackendOf, session: Holding, key_id: str) -> Response:  # noqa: ARG001
    """The same: a key has no page of its own."""
    return _keys(backend, session)


@router.post("/keys")
def create(backend: BackendOf, session: Holding, form: FormOf) -> Response:
    """Make a key. The page that follows shows it, once."""
    if looked_at(session, form):
        return _keys(backend, session, draft=form)
    fields = {
        "name": form.get("name", "").strip() or None,
        "person": form.get("person", "").strip() or None,
        "scopes": [scope for scope in Scope if form.get(f"scope_{scope}")],
    }
    try:
        request = NewKeyRequest.model_validate(fields | {"expires_at": _end_of(form.get("expires", ""))})
        made = keys.create(backend, session.caller, request)
    except (ServiceError, ValidationError) as error:
        status = error.status if isinstance(error, ServiceError) else 422
        return _keys(backend, session, said=said_of(error), status=status, draft=form)
    return _keys(backend, session, made=made)


@router.post("/keys/{key_id}")
def change(backend: BackendOf, session: Holding, key_id: str, form: FormOf) -> Response:
    """Rotate or revoke a key."""
    if looked_at(session, form):
        return _keys(backend, session)
    try:
        if form.get("action") == "rotate":
            return _keys(backend, session, made=keys.rotate(backend, session.caller, key_id, OVERLAP))
        if form.get("action") == "revoke":
            keys.revoke(backend, session.caller, key_id)
    except ServiceError as error:
        return _keys(backend, session, said=said_of(error), status=error.status)
    return RedirectResponse("/keys", 303, headers=common.SECURITY)


def _end_of(day: str) -> datetime | None:
    """The end of the day in UTC, for `<input type=date>`. Raises InvalidRequestError where it is no day."""
    try:
        return datetime.combine(date.fromisoformat(day), time.max, UTC) if day else None
    except ValueError as error:
        raise InvalidRequestError("expected a day such as 2027-12-31, got something else") from error


def _keys(
    backend: BackendOf,
    session: WebSession,
    *,
    said: str = "",
    status: int = 200,
    made: NewKey | None = None,
    draft: Form | None = None,
) -> Response:
    found = keys.listed(backend, session.caller).items
    caller = session.caller
    return page(
        "keys.html",
        status,
        session=session,
        keys=[(key, _state(key)) for key in reversed(found)],
        scopes=[scope.value for scope in Scope if caller.may(scope)],
        chosen=[] if draft is None else [scope for scope in Scope if draft.get(f"scope_{scope}")],
        is_admin=caller.may(Scope.ADMIN),
        own=caller.person_id,
        made=made,
        said=said,
        written={name: "" if draft is None else draft.get(name, "") for name in ("name", "person", "expires")},
    )


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now() else "valid"
