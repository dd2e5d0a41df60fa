"""What all pages share: who is signed in, forms that nobody forged, templates, and errors as pages."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, cast
from urllib.parse import quote

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from pydantic import ValidationError

from app import auth, problems, sessions
from app.errors import ForbiddenError, NotFoundError, ServiceError, UnauthorizedError
from app.pages.kinds import kind_said
from app.pages.wording import marker, sentence
from app.report.units import plain
from app.routes.common import BackendOf
from app.sessions import WebSession
from app.states import Scope

COOKIE = "lookalike_session"
MOST_FIELDS = 4_000
"""Of a form; the schema of a table of a thousand columns has three for each."""
SCRIPTS = "script-src 'self'; connect-src 'self'; "
"""What a page that has scripts may do besides. They come from the service alone, and none stands in a page."""
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
LOOK = "look"
"""The field of a form that is sent to be shown again, not to be acted on."""
ELSEWHERE = (
    "expected a form of a page of this service, got one that another site has sent: open the page here and try again"
)
NOT_FOUND = "There is nothing under this address that you may see, or it was deleted."
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
    environment.filters["sentence"] = sentence
    environment.filters["typed"] = escape
    environment.filters["marker"] = marker
    environment.filters["kind"] = kind_said
    return environment


def _finalize(value: object) -> object:
    if value is None:
        return "not given"
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def moment(at: datetime) -> str:
    """A point in time, for people."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def page(
    name: str, status: int = 200, /, *, session: WebSession | None = None, scripts: bool = False, **values: object
) -> HTMLResponse:
    """A page from its template. Every value is escaped. With `scripts` it may load those of the service."""
    caller = None if session is None else session.caller
    csrf = "" if session is None else session.csrf
    html = part(name, caller=caller, csrf=csrf, scripts=scripts, **values)
    policy = (SCRIPTS if scripts else "") + SECURITY["Content-Security-Policy"]
    return HTMLResponse(html, status_code=status, headers={**SECURITY, "Content-Security-Policy": policy})


def part(name: str, /, **values: object) -> str:
    """What a template makes of the values, each of which is escaped."""
    return _environment().get_template(name).render(**values)


def go(request: Request, path: str) -> Response:
    """To another page of ours: also where a script has sent the request, which would follow by itself else."""
    if is_of_script(request):
        return Response(headers={**SECURITY, "HX-Redirect": path})
    return RedirectResponse(path, 303, headers=SECURITY)


def is_of_script(request: Request) -> bool:
    """Whether a part of a page asks to be replaced, not a person for a page."""
    return request.headers.get("hx-request") == "true"


def cookie_of(request: Request) -> str:
    """The cookie that came, or nothing."""
    return request.cookies.get(COOKIE, "")


def signed_in(request: Request, backend: BackendOf) -> WebSession:
    """Who is signed in. Raises UnauthorizedError where nobody is, ForbiddenError without the scope read or review, and
    TooManyRequestsError where they asked too often.
    """
    session = sessions.resume(backend.engine, cookie_of(request))
    request.state.session = session
    request.state.tenancy.tenant_id = session.caller.tenant_id
    backend.rates.take(session.caller.actor_id)
    auth.demand(session.caller, *SEEING)
    return session


def reader(session: Annotated[WebSession, Depends(signed_in)]) -> WebSession:
    """Who is signed in and may have data. Raises ForbiddenError without the scope read."""
    auth.demand(session.caller, Scope.READ)
    return session


def administrator(session: Annotated[WebSession, Depends(signed_in)]) -> WebSession:
    """Who is signed in and may make people. Raises ForbiddenError without the scope admin."""
    auth.demand(session.caller, Scope.ADMIN)
    return session


def writer(session: Annotated[WebSession, Depends(signed_in)]) -> WebSession:
    """Who is signed in and may send data and jobs. Raises ForbiddenError without the scope write."""
    auth.demand(session.caller, Scope.WRITE)
    return session


async def form_of(request: Request) -> Form:
    """The fields of a form as text; files are not taken."""
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
        return {name: value.replace("\r\n", "\n") for name, value in form.items() if isinstance(value, str)}


SignedIn = Annotated[WebSession, Depends(signed_in)]
Reading = Annotated[WebSession, Depends(reader)]
Administering = Annotated[WebSession, Depends(administrator)]
Writing = Annotated[WebSession, Depends(writer)]
FormOf = Annotated[Form, Depends(form_of)]


def believed(session: WebSession, form: Form) -> None:
    """Raises ForgedFormError where the form does not carry the token of this session, or is only to be shown again."""
    if looked_at(session, form):
        raise ForgedFormError("expected a form that was seen before it is sent, got one that was kept: open its page")


def looked_at(session: WebSession, form: Form) -> bool:
    """Whether the form is only to be shown again. What was kept over signing in is, whoever may have written it.

    Raises ForgedFormError where the form does not carry the token of this session.
    """
    if not hmac.compare_digest(session.csrf.encode(), form.get("csrf", "").encode()):
        raise ForgedFormError("expected a form of a page of this session, got another one: load the page and try again")
    return bool(form.get(LOOK))


def is_from_elsewhere(request: Request) -> bool:
    """Whether a browser says that another site has sent the request. What says nothing of it is no browser of today.

    A strict cookie does not come with such a request, so it looks like one of somebody whose session has ended; what
    another site wrote must not be kept for them. Over plain HTTP browsers send `Origin` alone.
    """
    site, origin = (request.headers.get(name) for name in ("sec-fetch-site", "origin"))
    if site is not None:
        return site not in ("same-origin", "none")
    return origin is not None and origin.partition("//")[2] != request.headers.get("host")


def said_of(error: ServiceError | ValidationError) -> str:
    """What was wrong with a form, in a sentence that quotes nothing of it."""
    if isinstance(error, ServiceError):
        return f"{error.title}: {error.detail}."
    faults = (f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
    return "Not recorded. " + "; ".join(fault.replace("Value error, ", "") for fault in faults) + "."


class PageRoute(APIRoute):
    """A route whose refusals are pages, and which asks to sign in where nobody is signed in."""

    def get_route_handler(self) -> Handler:
        """The handler, with its errors answered for a person."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await self.answered(request, handle)
            except RequestValidationError:
                said = "Expected an address as a page of ours gives it."
                return refusal(422, "This address is not one of ours", said, _known(request))
            except NotFoundError:
                return refusal(404, "Not found", NOT_FOUND, _known(request))
            except Exception as error:  # noqa: BLE001 - whatever it is, a person is told what to do
                return as_page(problems.answer_to(request, error), _known(request))

        return cast("Handler", answer)

    async def answered(self, request: Request, handle: Handler) -> Response:
        """What the handler answers, or the way to sign in."""
        if request.method == "POST" and is_from_elsewhere(request):
            raise ForgedFormError(ELSEWHERE)
        try:
            return await handle(request)
        except UnauthorizedError:
            return await self.ended(request)

    async def ended(self, request: Request) -> Response:
        """What whoever is not signed in, or not any more, is answered."""
        return go(request, f"/sign-in?then={quote(_where(request))}")


def _where(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}" if request.method == "GET" else "/"


def _known(request: Request) -> WebSession | None:
    """Who is signed in, as far as the request came to know it: their pages stay within reach of a refusal."""
    session = getattr(request.state, "session", None)
    return session if isinstance(session, WebSession) else None


def as_page(problem: Response, session: WebSession | None = None) -> Response:
    """A problem document as a page."""
    said = json.loads(bytes(problem.body))
    answer = refusal(problem.status_code, said["title"], said["detail"], session)
    if "Retry-After" in problem.headers:
        answer.headers["Retry-After"] = problem.headers["Retry-After"]
    return answer


def unknown_address(request: Request, error: Exception) -> Response:
    """What a browser is answered that asks for an address that is none; a program gets a problem document."""
    if not _asks_for_page(request):
        return problems.answer_to(request, error)
    return refusal(404, "Not found", NOT_FOUND)


def refusal_as_asked(request: Request, error: Exception) -> Response:
    """A refusal before any route is known: a page for a browser, a problem document for a program."""
    problem = problems.answer_to(request, error)
    return as_page(problem) if _asks_for_page(request) else problem


def _asks_for_page(request: Request) -> bool:
    return not request.url.path.startswith("/v1/") and "text/html" in request.headers.get("accept", "")


def refusal(status: int, title: str, detail: str, session: WebSession | None = None) -> HTMLResponse:
    """A page that says what was not possible, and what to do."""
    return page("refusal.html", status, session=session, title=title, detail=detail)
