"""Signing in at the OpenID provider: there, and back with a code.

The browser comes back from another site, so its strict session cookie is neither sent nor believed: what binds the
answer to this browser is a cookie of the attempt alone, which is lax. The page after that leads on, so that the next
request is one of our own site and carries the new session.
"""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from app import federated, sessions
from app.context import Backend
from app.errors import NotFoundError, ServiceError
from app.guesses import ACCOUNTS_TOGETHER, network_of
from app.log import FIELDS
from app.openid.attempt import LIFETIME_SECONDS, Attempt, begin, resumed
from app.openid.claims import arrival_of
from app.openid.config import BACK
from app.openid.errors import SignInError
from app.openid.provider import Provider
from app.pages import common, sign_in
from app.pages.common import PageRoute, page
from app.routes.common import BackendOf

COOKIE = "lookalike_openid"
NOT_OURS = (
    "expected an answer of the provider to a sign-in that this browser began within a quarter of an hour, got another "
    "one: sign in again"
)
REFUSED_THERE = "expected a sign-in that the provider lets through, got one that it refused or that you gave up"
Answered = Annotated[str, Query(max_length=4_000)]

logger = logging.getLogger("lookalike.sign_in")
router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/sign-in/openid")
def go_there(request: Request, backend: BackendOf, then: str = "/") -> Response:
    """To the provider."""
    cookie = common.cookie_of(request)
    provider, attempt = _provider(backend), begin(sign_in.local(then), sessions.id_of(cookie) if cookie else "")
    try:
        answer = RedirectResponse(provider.authorization_url(attempt), 303, headers=common.SECURITY)
    except SignInError as error:
        return _refused(request, error, attempt.then)
    _set_attempt(answer, provider, attempt.cookie, LIFETIME_SECONDS)
    return answer


@router.get(BACK)
def come_back(
    request: Request,
    backend: BackendOf,
    code: Answered = "",
    state: Answered = "",
    error: Answered = "",
    iss: Answered = "",
) -> Response:
    """Start a session of whoever the provider says it is, and lead on to where they were."""
    provider = _provider(backend)
    attempt = resumed(request.cookies.get(_name(provider), ""), state)
    try:
        if attempt is None or iss not in ("", provider.config.issuer):
            raise SignInError("state", NOT_OURS)
        if error or not code:
            raise SignInError("refused_there", REFUSED_THERE)
        cookie = _begun(request, backend, provider, code, attempt)
    except ServiceError as refused:
        answer = _refused(request, refused, attempt.then if attempt else "/")
    else:
        then = sign_in.local(attempt.then)
        answer = page("signed_in.html", then=then)
        sign_in.remember(request, answer, cookie, "")
    _set_attempt(answer, provider, "", 0)  # an answer is taken once
    return answer


def _begun(request: Request, backend: Backend, provider: Provider, code: str, attempt: Attempt) -> str:
    """The cookie of a new session, in place of the one that the browser had. Raises SignInError, and
    TooManyGuessesError after many answers that are none.
    """
    counted = {f"openid from {network_of(request.client.host if request.client else '')}": ACCOUNTS_TOGETHER}
    backend.guesses.take(counted)
    arrival = arrival_of(provider.config, provider.claims(code, attempt))
    backend.guesses.give_back(counted)
    cookie = sessions.begin_by_provider(backend.engine, federated.arrive(backend.engine, arrival))
    if attempt.session:
        sessions.end_of(backend.engine, attempt.session)
    return cookie


def _provider(backend: Backend) -> Provider:
    if backend.provider is None:
        raise NotFoundError("expected a service with an OpenID provider, got one without")
    return backend.provider


def _refused(request: Request, error: ServiceError, then: str) -> Response:
    """The form to sign in, with what was wrong. The log says why in a word, without a claim."""
    fields = {"why": error.why if isinstance(error, SignInError) else error.code}
    logger.warning("sign-in at the provider refused", extra={FIELDS: fields})
    answer = sign_in.form_page(request, then=then, error=f"{error.title}: {error.detail}.", status=error.status)
    answer.headers.update(error.headers)
    return answer


def _name(provider: Provider) -> str:
    """With https no other host of the domain can set a cookie of this name."""
    return f"__Host-{COOKIE}" if provider.config.public_url.startswith("https") else COOKIE


def _set_attempt(answer: Response, provider: Provider, value: str, seconds: int) -> None:
    secure = provider.config.public_url.startswith("https")
    answer.set_cookie(_name(provider), value, max_age=seconds, httponly=True, samesite="lax", secure=secure, path="/")
