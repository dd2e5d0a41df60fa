"""The people of a tenant, for its administrators: added, given roles, disabled, reset."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from app.errors import ServiceError, UnauthorizedError
from app.pages import common
from app.pages.common import Administering, Form, FormOf, looked_at, page, said_of
from app.pages.forms import FormRoute
from app.routes.common import BackendOf
from app.services import people
from app.sessions import WebSession
from app.states import ROLE_SCOPES, Role
from app.wire_people import InvitedPerson, NewPersonRequest, PersonRequest

router = APIRouter(route_class=FormRoute, include_in_schema=False)


@router.get("/people")
def show(request: Request, backend: BackendOf, session: Administering) -> Response:
    """All people, and the form that adds one."""
    return _people(request, backend, session)


@router.get("/people/{person_id}")
def show_one(request: Request, backend: BackendOf, session: Administering, person_id: str) -> Response:  # noqa: ARG001
    """The same: a person has no page of their own."""
    return _people(request, backend, session)


@router.post("/people")
def add(request: Request, backend: BackendOf, session: Administering, form: FormOf) -> Response:
    """Add a person. The page that follows shows the code, once."""
    if looked_at(session, form):
        return _people(request, backend, session, draft=form)
    try:
        wanted = NewPersonRequest.model_validate(
            {"name": form.get("name", ""), "email": form.get("email", ""), "roles": _roles(form)}
        )
        made = people.add(backend, session.caller, wanted)
    except (ServiceError, ValidationError) as error:
        return _people(request, backend, session, error=error, draft=form)
    return _people(request, backend, session, made=made)


@router.post("/people/{person_id}")
def change(request: Request, backend: BackendOf, session: Administering, person_id: str, form: FormOf) -> Response:
    """Disable, enable or reset a person, or give them other roles."""
    kept = {person_id: _roles(form)}
    if looked_at(session, form):
        return _people(request, backend, session, roles_of=kept)
    action = form.get("action", "")
    try:
        if action == "reset":
            return _people(request, backend, session, made=people.reset(backend, session.caller, person_id))
        wanted = PersonRequest(roles=_roles(form)) if action == "roles" else PersonRequest(disabled=action == "disable")
        if action in ("roles", "disable", "enable"):
            people.change(backend, session.caller, person_id, wanted)
    except UnauthorizedError:  # somebody has shut them out meanwhile
        raise
    except (ServiceError, ValidationError) as error:
        return _people(request, backend, session, error=error, roles_of=kept if action == "roles" else None)
    return RedirectResponse("/people", 303, headers=common.SECURITY)


def _people(
    request: Request,
    backend: BackendOf,
    session: WebSession,
    *,
    error: ServiceError | ValidationError | None = None,
    made: InvitedPerson | None = None,
    draft: Form | None = None,
    roles_of: Mapping[str, list[Role]] | None = None,
) -> Response:
    """The page; `draft` stands in the form that adds somebody, `roles_of` in those that change roles."""
    written = {name: "" if draft is None else draft.get(name, "") for name in ("name", "email")}
    return page(
        "people.html",
        200 if error is None else error.status if isinstance(error, ServiceError) else 422,
        session=session,
        people=people.listed(backend, session.caller).items,
        roles={role.value: " ".join(sorted(scopes)) for role, scopes in ROLE_SCOPES.items()},
        roles_of=roles_of or {},
        chosen=[] if draft is None else _roles(draft),
        made=made,
        address=f"{request.base_url}set-password",
        said="" if error is None else said_of(error),
        written=written,
    )


def _roles(form: Form) -> list[Role]:
    return [role for role in Role if form.get(f"role_{role}")]
