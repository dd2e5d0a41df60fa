"""How the whole installation stands, for whoever signed in with an operator's key. No session of a tenant opens it."""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app import operators, sessions
from app.pages import common
from app.pages.common import ForgedFormError, FormOf, PageRoute, page
from app.routes.common import BackendOf
from app.services.installation import installation

COOKIE = "lookalike_operator"
PATH = "/installation"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(PATH)
def show(request: Request, backend: BackendOf) -> Response:
    """How things stand now."""
    cookie = request.cookies.get(COOKIE, "")
    key = operators.authenticate(backend.engine, cookie)
    backend.rates.take(key.id)
    return page("installation.html", found=installation(backend), operator=key.name, token=sessions.csrf_of(cookie))


@router.post(PATH)
def sign_out(request: Request, backend: BackendOf, form: FormOf) -> Response:
    """End the operator's session."""
    cookie = request.cookies.get(COOKIE, "")
    key = operators.authenticate(backend.engine, cookie)
    if not hmac.compare_digest(sessions.csrf_of(cookie).encode(), form.get("csrf", "").encode()):
        raise ForgedFormError("expected a form of a page of this session, got another one: load the page and try again")
    operators.revoke(backend.engine, key.id)
    answer = RedirectResponse("/sign-in", 303, headers=common.SECURITY)
    answer.delete_cookie(COOKIE)
    return answer
