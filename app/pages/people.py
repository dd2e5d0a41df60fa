"""The people of a tenant, for its administrators: added, given roles, disabled, reset."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from app.errors import ServiceError, UnauthorizedError
from app.pages import common
from app.pages.common import Administering, Form, FormOf, PageRoute, believed, page, said_of
from app.routes.common import BackendOf
from app.services import people
from app.sessions import WebSession
from app.states import ROLE_SCOPES, Role
from app.wire_people import InvitedPerson, NewPersonRequest, PersonRequest

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/people")
def show(request: Request, backend: BackendOf, session: Administering) -> Response:
    """All people, and the form that adds one."""
    return _people(request, backend, session)


@router.post("/people")
def add(request: Request, backend: BackendOf, session: Administering, form: FormOf) -> Response:
    """Add a person. The page that follows shows the code, once."""
    believed(session, form)
    try:
        wanted = NewPersonRequest.model_validate(
            {"name": form.get("name", ""), "email": form.get("email", ""), "roles": _roles(form)}
        )
        made = people.add(backend, session.caller, wanted)
    except (ServiceError, ValidationError) as error:
        status = error.status if isinstance(error, ServiceError) else 422
        return _people(request, backend, session, said=said_of(error), status=status, draft=form)
    return _people(request, backend, session, made=made)


@router.post("/people/{person_id}")
def change(request: Request, backend: BackendOf, session: Administering, person_id: str, form: FormOf) -> Response:
    """Disable, enable or reset a person, or give them other roles."""
    believed(session, form)
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
        status = error.status if isinstance(error, ServiceError) else 422
        return _people(request, backend, session, said=said_of(error), status=status)
    return RedirectResponse("/people", 303, headers=common.SECURITY)


def _people(
    request: Request,
    backend: BackendOf,
    session: WebSession,
    *,
    said: str = "",
    status: int = 200,
    made: InvitedPerson | None = None,
    draft: Form | None = None,
) -> Response:
    written = {name: "" if draft is None else draft.get(name, "") for name in ("name", "email")}
    return page(
        "people.html",
        status,
        session=session,
        people=people.listed(backend, session.caller).items,
        roles={role.value: " ".join(sorted(scopes)) for role, scopes in ROLE_SCOPES.items()},
        chosen=[] if draft is None else _roles(draft),
        made=made,
        address=f"{request.base_url}set-password",
        said=said,
        written=written,
    )


def _roles(form: Form) -> list[Role]:
    return [role for role in Role if form.get(f"role_{role}")]
