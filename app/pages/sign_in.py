"""Signing in by API key, and out. Whoever guesses keys is made to wait, here as over the API."""

from __future__ import annotations

import hmac
import secrets

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app import auth, sessions
from app.context import Backend
from app.errors import ServiceError, TooManyGuessesError, UnauthorizedError
from app.pages import common
from app.pages.common import COOKIE, SEEING, Form, FormOf, PageRoute, believed, page
from app.pages.drafts import KEPT, resumed_page
from app.pages.release_page import release_page
from app.routes.common import BackendOf, authenticated
from app.sessions import WebSession

FORM_COOKIE = "lookalike_form"
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
    then, token = local(form.get("then", "")), form.get("key", "").strip()
    if not _is_own_form(request, form):
        return form_page(request, then=then, error="The form was too old. Try again.", status=403, draft=form)
    try:
        cookie = sessions.begin(backend.engine, authenticated(request, backend, token), token)
    except UnauthorizedError:
        return form_page(request, then=then, error=NO_KEY, status=401, draft=form)
    except TooManyGuessesError as error:
        said = f"{error.title}. Wait {error.headers['Retry-After']} seconds, then try again."
        answer = form_page(request, then=then, error=said, status=error.status, draft=form)
        answer.headers.update(error.headers)
        return answer
    except ServiceError as error:
        return form_page(request, then=then, error=error.detail, status=error.status, draft=form)
    if form.get(KEPT):
        answer = resumed_page(sessions.resume(backend.engine, cookie), then, form[KEPT])
    elif form.get("reason"):
        answer = _resumed(backend, sessions.resume(backend.engine, cookie), then, form)
    else:
        answer = RedirectResponse(then, 303, headers=common.SECURITY)
    _set(request, answer, COOKIE, cookie, int(sessions.LIFETIME.total_seconds()))
    answer.delete_cookie(FORM_COOKIE)
    return answer


def _resumed(backend: Backend, session: WebSession, then: str, form: Form) -> Response:
    """The page of the release with what was written before; those words alone where this key may not see the page."""
    try:
        auth.demand(session.caller, *SEEING)
        return release_page(backend, session, then.removeprefix("/releases/"), said=RESUMED, draft=form)
    except ServiceError as error:
        return page("resumed.html", error.status, session=session, error=error.detail, reason=form["reason"])


@router.post("/sign-out")
def sign_out(request: Request, backend: BackendOf, form: FormOf) -> Response:
    """End the session, here and in the database."""
    believed(sessions.resume(backend.engine, common.cookie_of(request)), form)
    sessions.end(backend.engine, common.cookie_of(request))
    answer = RedirectResponse("/sign-in", 303, headers=common.SECURITY)
    answer.delete_cookie(COOKIE)
    return answer


def form_page(
    request: Request, *, then: str, error: str = "", status: int = 200, draft: Form | None = None
) -> Response:
    """The form to sign in. `draft` has what was written before the session ended; it is kept."""
    token = secrets.token_urlsafe(32)
    reason, kept = ("", "") if draft is None else (draft.get("reason", ""), draft.get(KEPT, ""))
    answer = page("sign_in.html", status, then=local(then), error=error, form_token=token, reason=reason, kept=kept)
    _set(request, answer, FORM_COOKIE, token, 3600)
    return answer


def local(then: str) -> str:
    """The address where it is one of our own pages, else that of the queue: nobody is sent to another site."""
    is_ours = then.startswith("/") and not then.startswith(("//", "/\\")) and then.isascii() and then.isprintable()
    return then if is_ours and not then.startswith("/sign-") else "/releases"


def _is_own_form(request: Request, form: Form) -> bool:
    """Whether the form was shown by us to this very browser."""
    kept = request.cookies.get(FORM_COOKIE, "")
    return bool(kept) and hmac.compare_digest(kept.encode(), form.get("form_token", "").encode())


def _set(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/"
    )
