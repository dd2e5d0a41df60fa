"""/v1/people, for administrators of a tenant"""

from __future__ import annotations

from fastapi import APIRouter, Response

from app.routes.common import Administrator, BackendOf
from app.services import people
from app.wire_people import InvitedPerson, NewPersonRequest, People, Person, PersonRequest

router = APIRouter(prefix="/v1", tags=["people"])


@router.get("/people")
def list_people(backend: BackendOf, caller: Administrator) -> People:
    """The people of the tenant, those who are disabled too."""
    return people.listed(backend, caller)


@router.post("/people", status_code=201)
def add_person(backend: BackendOf, caller: Administrator, body: NewPersonRequest, response: Response) -> InvitedPerson:
    """Make an account. The code that sets its password is in this answer and nowhere else: no e-mail is sent."""
    response.headers["Cache-Control"] = "no-store"
    return people.add(backend, caller, body)


@router.patch("/people/{person_id}")
def change_person(backend: BackendOf, caller: Administrator, person_id: str, body: PersonRequest) -> Person:
    """Give a person other roles, or disable or enable their account."""
    return people.change(backend, caller, person_id, body)


@router.post("/people/{person_id}/reset", status_code=201)
def reset_person(backend: BackendOf, caller: Administrator, person_id: str, response: Response) -> InvitedPerson:
    """End a person's password and sessions, and make a code that sets another password."""
    response.headers["Cache-Control"] = "no-store"
    return people.reset(backend, caller, person_id)
