"""A person's own account: the password set by a code, and changed by whoever knows it."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app import accounts, credentials, sessions
from app.errors import ForbiddenError, InvalidRequestError, ServiceError, UnauthorizedError
from app.federated import signs_in_there
from app.pages import common, sign_in
from app.pages.common import FormOf, SignedIn, believed, page
from app.pages.forms import FormRoute
from app.pages.sign_in import FORM_COOKIE, OLD_FORM
from app.passwords import FEWEST
from app.routes.common import BackendOf
from app.services import people
from app.sessions import WebSession

UNEQUAL = "Not recorded: the two new passwords differ."
WRONG = "Not recorded: the present password is another one."
SET = "Your password is set. Sign in with it."

router = APIRouter(route_class=FormRoute, include_in_schema=False)


@router.get("/set-password")
def ask(request: Request) -> Response:
    """The form of whoever was given a code."""
    return _code_form(request)


@router.post("/set-password")
def use_code(request: Request, backend: BackendOf, form: FormOf) -> Response:
    """Set the password, use the code up, and go on to sign in."""
    if not sign_in.is_own_form(request, form):
        return _code_form(request, said=OLD_FORM, status=403)
    if form.get("password", "") != form.get("again", ""):
        return _code_form(request, said=UNEQUAL, status=422)
    address = request.client.host if request.client else ""
    code = form.get("code", "").strip()
    try:
        backend.guesses.refuse_if_many(address, "")
        email = credentials.use_code(backend.engine, backend.passwords, code, form.get("password", ""))
    except UnauthorizedError as error:
        backend.guesses.note_wrong(address)
        return _code_form(request, said=f"Not recorded: {error.detail}.", status=401)
    except InvalidRequestError as error:
        return _code_form(request, said=f"Not recorded: {error.detail}.", status=422)
    return sign_in.form_page(request, then="/releases", said=SET, draft={"email": email})


@router.get("/account")
def show(backend: BackendOf, session: SignedIn) -> Response:
    """Who is signed in, and the form that changes the password."""
    return _account(backend, session)


@router.post("/account")
def change(request: Request, backend: BackendOf, session: SignedIn, form: FormOf) -> Response:
    """Change the own password. All sessions end, and a new one begins here."""
    believed(session, form)
    caller = session.caller
    if caller.person_id is None or caller.key_id is not None:
        raise ForbiddenError("expected somebody who signed in by password, got an API key: sign in by password")
    if signs_in_there(backend.engine, caller.person_id):
        raise ForbiddenError(
            "expected somebody with a password here, got somebody who signs in at the OpenID provider: change the "
            "password at the provider"
        )
    if form.get("password", "") != form.get("again", ""):
        return _account(backend, session, said=UNEQUAL, status=422)
    email = accounts.person_of(backend.engine, caller.tenant_id, caller.person_id).email
    try:
        known = people.change_password(backend, caller, email, form.get("current", ""), form.get("password", ""))
        cookie = sessions.begin_by_password(backend.engine, known)
    except UnauthorizedError:
        return _account(backend, session, said=WRONG, status=401)
    except ServiceError as error:
        answer = _account(backend, session, said=f"Not recorded: {error.detail}.", status=error.status)
        answer.headers.update(error.headers)
        return answer
    answer = RedirectResponse("/account", 303, headers=common.SECURITY)
    sign_in.remember(request, answer, cookie, credentials.device_cookie(known))
    return answer


def _account(backend: BackendOf, session: WebSession, *, said: str = "", status: int = 200) -> Response:
    caller = session.caller
    person = None
    if caller.person_id is not None:
        person = people.view(accounts.person_of(backend.engine, caller.tenant_id, caller.person_id))
    by_password = person is not None and caller.key_id is None
    scopes = sorted(scope.value for scope in caller.scopes)
    return page(
        "account.html",
        status,
        session=session,
        person=person,
        by_password=by_password,
        scopes=scopes,
        said=said,
        fewest=FEWEST,
    )


def _code_form(request: Request, *, said: str = "", status: int = 200) -> Response:
    token = secrets.token_urlsafe(32)
    answer = page("set_password.html", status, said=said, form_token=token, fewest=FEWEST)
    sign_in.set_cookie(request, answer, FORM_COOKIE, token, 3600)
    return answer
