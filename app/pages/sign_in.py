"""Signing in by e-mail and password or by API key, and out. Whoever guesses either is made to wait."""

from __future__ import annotations

import hmac
import secrets

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app import auth, credentials, federated, operators, sessions
from app.context import Backend
from app.errors import ServiceError, TooManyGuessesError, UnauthorizedError
from app.operators import is_of_operator
from app.pages import common
from app.pages.common import COOKIE, SEEING, Form, FormOf, PageRoute, believed, page
from app.pages.drafts import KEPT, resumed_page
from app.pages.installation import COOKIE as OPERATOR_COOKIE
from app.pages.installation import PATH as OPERATOR_PAGE
from app.pages.release_page import release_page
from app.routes.common import BackendOf, authenticated, operating
from app.services import people
from app.sessions import WebSession

FORM_COOKIE, DEVICE_COOKIE = "lookalike_form", "lookalike_device"
DEVICE_SECONDS = 180 * 24 * 3600
"""For so long a browser is known in which somebody has signed in by password."""
NO_ACCOUNT = "E-mail address and password do not belong together, or the account is not open. Nothing was changed."
NOT_YET = "You are not signed in yet, or not in this browser. Nothing was changed."
OLD_FORM = "The form was too old. Try again."
NO_KEY = "This is not a valid API key, or it is valid no more. Nothing was changed."
ENDED = "Your session is over. Sign in again: what you wrote was kept, and is in the form after that."
RESUMED = (
    "You are signed in again. What you wrote was not recorded: look at the release, and send it if it still holds."
)

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/sign-in")
def show(request: Request, then: str = "/") -> Response:
    """The form."""
    return form_page(request, then=then)


@router.post("/sign-in")
def sign_in(request: Request, backend: BackendOf, form: FormOf) -> Response:
    """Start a session, and go on to where the person was."""
    then = local(form.get("then", ""))
    if not is_own_form(request, form):
        return form_page(request, then=then, error=OLD_FORM, status=403, draft=form)
    if form.get("signed_in"):
        return _go_on(request, backend, form, then)
    try:
        return _entered(request, backend, form, then)
    except UnauthorizedError:
        error = NO_KEY if form.get("key") else NO_ACCOUNT
        return form_page(request, then=then, error=error, status=401, draft=form)
    except TooManyGuessesError as error:
        said = f"{error.title}. Wait {error.headers['Retry-After']} seconds, then try again."
        answer = form_page(request, then=then, error=said, status=error.status, draft=form)
        answer.headers.update(error.headers)
        return answer
    except ServiceError as error:
        answer = form_page(request, then=then, error=error.detail, status=error.status, draft=form)
        answer.headers.update(error.headers)
        return answer


def _entered(request: Request, backend: Backend, form: Form, then: str) -> Response:
    """Where the person was, in a new session of whatever they showed. Raises UnauthorizedError and others."""
    if is_of_operator(form.get("key", "").strip()):
        return _operator(request, backend, form["key"].strip())
    cookie, device = _begin(request, backend, form)
    answer = _onward(backend, cookie, then, form)
    sessions.end(backend.engine, common.cookie_of(request))
    remember(request, answer, cookie, device)
    answer.delete_cookie(FORM_COOKIE)
    return answer


def _onward(backend: Backend, cookie: str, then: str, form: Form) -> Response:
    """Where the person was, with what they had written."""
    if form.get(KEPT):
        return resumed_page(sessions.resume(backend.engine, cookie), then, form[KEPT])
    if form.get("reason"):
        return _resumed(backend, sessions.resume(backend.engine, cookie), then, form)
    return RedirectResponse(then, 303, headers=common.SECURITY)


def _go_on(request: Request, backend: Backend, form: Form, then: str) -> Response:
    """Go on in the session that was begun at the provider in another tab."""
    cookie = common.cookie_of(request)
    try:
        sessions.resume(backend.engine, cookie)
        return _onward(backend, cookie, then, form)
    except UnauthorizedError:
        return form_page(request, then=then, error=NOT_YET, status=401, draft=form)


def _operator(request: Request, backend: Backend, token: str) -> Response:
    """Start the session of an operator, which has a cookie and a page of its own."""
    operating(request, backend, token)
    answer = RedirectResponse(OPERATOR_PAGE, 303, headers=common.SECURITY)
    seconds = int(operators.SESSION.total_seconds())
    set_cookie(request, answer, OPERATOR_COOKIE, operators.begin(backend.engine, token), seconds)
    return answer


def _begin(request: Request, backend: Backend, form: Form) -> tuple[str, str]:
    """The cookies of a new session and of the known browser; the second is empty for a key."""
    if token := form.get("key", "").strip():
        return sessions.begin(backend.engine, authenticated(request, backend, token), token), ""
    address, device = request.client.host if request.client else "", request.cookies.get(DEVICE_COOKIE, "")
    known = people.know(backend, address, device, form.get("email", ""), form.get("password", ""))
    return sessions.begin_by_password(backend.engine, known), credentials.device_cookie(known)


def remember(request: Request, answer: Response, cookie: str, device: str) -> None:
    """Give the browser the cookie of its session, and the one by which it is known from now on where there is one."""
    set_cookie(request, answer, COOKIE, cookie, int(sessions.LIFETIME.total_seconds()))
    if device:
        set_cookie(request, answer, DEVICE_COOKIE, device, DEVICE_SECONDS)


def _resumed(backend: Backend, session: WebSession, then: str, form: Form) -> Response:
    """The page of the release with what was written before; those words alone where this key may not see the page."""
    try:
        auth.demand(session.caller, *SEEING)
        return release_page(backend, session, then.removeprefix("/releases/"), said=RESUMED, draft=form)
    except ServiceError as error:
        return page("resumed.html", error.status, session=session, error=error.detail, reason=form["reason"])


@router.post("/sign-out")
def sign_out(request: Request, backend: BackendOf, form: FormOf) -> Response:
    """End the session, here and in the database. Whoever signed in at the provider is shown how to end that one."""
    session = sessions.resume(backend.engine, common.cookie_of(request))
    believed(session, form)
    there = session.caller.key_id is None and federated.signs_in_there(backend.engine, session.caller.person_id)
    elsewhere = backend.provider.sign_out_url() if there and backend.provider else None
    sessions.end(backend.engine, common.cookie_of(request))
    if elsewhere:
        answer: Response = page("signed_out.html", elsewhere=elsewhere)
    else:
        answer = RedirectResponse("/sign-in", 303, headers=common.SECURITY)
    answer.delete_cookie(COOKIE)
    return answer


def form_page(
    request: Request, *, then: str, error: str = "", said: str = "", status: int = 200, draft: Form | None = None
) -> Response:
    """The form to sign in. `draft` has what was written before the session ended; it is kept."""
    token = secrets.token_urlsafe(32)
    reason, email, kept = ("" if draft is None else draft.get(name, "") for name in ("reason", "email", KEPT))
    answer = page(
        "sign_in.html",
        status,
        then=local(then),
        error=error,
        said=said,
        form_token=token,
        reason=reason,
        email=email,
        kept=kept,
        provider=_provider_name(request),
    )
    set_cookie(request, answer, FORM_COOKIE, token, 3600)
    return answer


def _provider_name(request: Request) -> str:
    """What the OpenID provider is called; nothing where there is none."""
    backend: Backend = request.app.state.backend
    return backend.provider.config.name if backend.provider else ""


def local(then: str) -> str:
    """The address where it is one of our own pages, else that of the queue: nobody is sent to another site."""
    is_ours = then.startswith("/") and not then.startswith(("//", "/\\")) and then.isascii() and then.isprintable()
    return then if is_ours and not then.startswith("/sign-") else "/releases"


def is_own_form(request: Request, form: Form) -> bool:
    """Whether the form was shown by us to this very browser."""
    kept = request.cookies.get(FORM_COOKIE, "")
    return bool(kept) and hmac.compare_digest(kept.encode(), form.get("form_token", "").encode())


def set_cookie(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    """Give the browser a cookie that no script and no other site gets."""
    answer.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/"
    )
