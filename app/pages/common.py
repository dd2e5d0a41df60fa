"""What all pages share: who is signed in, forms that nobody forged, templates, and errors as pages."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, cast
from urllib.parse import quote

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.exceptions import HTTPException

from app import auth, sessions
from app.errors import ForbiddenError, ServiceError, UnauthorizedError
from app.report.units import plain
from app.routes.common import BackendOf
from app.sessions import WebSession
from app.states import Scope

COOKIE = "lookalike_session"
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
SEEING = (Scope.READ, Scope.REVIEW)
"""Scopes, one of which it takes to see releases and their reports, as over the API."""
Form = Mapping[str, str]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ForgedFormError(ForbiddenError):
    """A form that did not come from a page of this session."""

    code = "forged_form"
    title = "This form is not from your session"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("app.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters["moment"] = moment
    return environment


def _finalize(value: object) -> object:
    if value is None:
        return "not given"
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def moment(at: datetime) -> str:
    """A point in time, for people."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def page(name: str, status: int = 200, *, session: WebSession | None = None, **values: object) -> HTMLResponse:
    """A page from its template. Every value is escaped."""
    caller = None if session is None else session.caller
    csrf = "" if session is None else session.csrf
    html = _environment().get_template(name).render(caller=caller, csrf=csrf, **values)
    return HTMLResponse(html, status_code=status, headers=SECURITY)


@cache
def style() -> str:
    """The style sheet: that of the report, and what forms and lists need besides."""
    report = (files("app.report") / "templates" / "style.html").read_text(encoding="utf-8")
    own = (files("app.pages") / "pages.css").read_text(encoding="utf-8")
    return report.replace("<style>", "").replace("</style>", "") + own


def cookie_of(request: Request) -> str:
    """The cookie that came, or nothing."""
    return request.cookies.get(COOKIE, "")


def signed_in(request: Request, backend: BackendOf) -> WebSession:
    """Who is signed in. Raises UnauthorizedError where nobody is, ForbiddenError without the scope read or review."""
    session = sessions.resume(backend.engine, cookie_of(request))
    backend.rates.take(session.caller.key_id)
    auth.demand(session.caller, *SEEING)
    return session


def reader(session: Annotated[WebSession, Depends(signed_in)]) -> WebSession:
    """Who is signed in and may have data. Raises ForbiddenError without the scope read."""
    auth.demand(session.caller, Scope.READ)
    return session


async def form_of(request: Request) -> Form:
    """The fields of a form as text; files are not taken."""
    async with request.form(max_files=0, max_fields=20) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


SignedIn = Annotated[WebSession, Depends(signed_in)]
Reading = Annotated[WebSession, Depends(reader)]
FormOf = Annotated[Form, Depends(form_of)]


def believed(session: WebSession, form: Form) -> None:
    """Raises ForgedFormError where the form does not carry the token of this session."""
    if not hmac.compare_digest(session.csrf.encode(), form.get("csrf", "").encode()):
        raise ForgedFormError("expected a form of a page of this session, got another one: load the page and try again")


class PageRoute(APIRoute):
    """A route whose refusals are pages, and which asks to sign in where nobody is signed in."""

    def get_route_handler(self) -> Handler:
        """The handler, with its errors answered for a person."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except UnauthorizedError:
                return RedirectResponse(f"/sign-in?then={quote(_where(request))}", 303, headers=SECURITY)
            except ServiceError as error:
                return refusal(error.status, error.title, error.detail)
            except RequestValidationError:
                return refusal(
                    422, "This address is not one of ours", "Expected an address as a page of ours gives it."
                )
            except HTTPException as error:
                return refusal(error.status_code, "This could not be served", str(error.detail))

        return cast("Handler", answer)


def _where(request: Request) -> str:
    return request.url.path if request.method == "GET" else "/releases"


def refusal(status: int, title: str, detail: str) -> HTMLResponse:
    """A page that says what was not possible, and what to do."""
    return page("refusal.html", status, title=title, detail=detail)
