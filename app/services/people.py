"""The people of a tenant: made, listed, changed by administrators; signed in, and let change their own password."""

from __future__ import annotations

import hmac

from app import accounts, credentials
from app.accounts import Invited
from app.context import Backend, Caller
from app.credentials import Known
from app.errors import ConflictError, UnauthorizedError
from app.guesses import Counted, password_of
from app.orm import PersonRow
from app.wire_people import InvitedPerson, NewPersonRequest, People, Person, PersonRequest


def listed(backend: Backend, caller: Caller) -> People:
    """All people of the caller's tenant."""
    return People(items=[view(row) for row in accounts.people_of(backend.engine, caller.tenant_id)])


def add(backend: Backend, caller: Caller, request: NewPersonRequest) -> InvitedPerson:
    """A new person, with the code that sets their password. Raises ConflictError where the address is in use."""
    made = accounts.add(
        backend.engine,
        caller.tenant_id,
        name=request.name,
        email=request.email,
        roles=request.roles,
        invited_by=caller.name,
        by=caller.actor,
    )
    return _invited(made)


def reset(backend: Backend, caller: Caller, person_id: str) -> InvitedPerson:
    """The person with a new code; the old password and all sessions have ended."""
    engine, tenant = backend.engine, caller.tenant_id
    return _invited(accounts.reset(engine, tenant, person_id, invited_by=caller.name, by=caller.actor))


def change(backend: Backend, caller: Caller, person_id: str, request: PersonRequest) -> Person:
    """The person as they are now. Raises ConflictError where administrators would shut themselves out, and
    UnauthorizedError where another one has shut them out meanwhile.
    """
    if person_id == caller.person_id:
        raise ConflictError("expected another person: an administrator does not change the own roles or account")
    engine, tenant, by = backend.engine, caller.tenant_id, caller.actor
    row = accounts.person_of(engine, tenant, person_id)
    if request.roles is not None:
        row = accounts.set_roles(engine, tenant, person_id, request.roles, by=by)
    if request.disabled is not None:
        row = accounts.set_disabled(engine, tenant, person_id, disabled=request.disabled, by=by)
    return view(row)


def know(backend: Backend, address: str, device: str, email: str, password: str) -> Known:
    """The person who signs in from this address. `device` is the cookie by which the browser may be known.

    Raises UnauthorizedError where somebody does not know the password, TooManyGuessesError after too many of them.
    """
    account, cookie = credentials.device_of(backend.engine, email)
    if cookie and hmac.compare_digest(cookie.encode(), device.encode()):
        return _counted(backend, {f"device of {account}": 1}, email, password)
    return _counted(backend, password_of(address, email.strip().lower()[:254]), email, password)


def change_password(backend: Backend, caller: Caller, email: str, current: str, password: str) -> Known:
    """The caller with another password. Raises UnauthorizedError where the current one is wrong, TooManyGuessesError
    after too many of them, and InvalidRequestError where the new one is a bad one.
    """
    known = _counted(backend, {f"change by {caller.person_id}": 1}, email, current)
    return credentials.change_password(backend.engine, backend.passwords, known, password)


def _counted(backend: Backend, counted: Counted, email: str, password: str) -> Known:
    """The person. What was not even compared, because the service was too busy or broke, is no wrong password."""
    backend.guesses.take(counted)
    try:
        known = credentials.know(backend.engine, backend.passwords, email, password)
    except UnauthorizedError:
        raise
    except BaseException:
        backend.guesses.give_back(counted)
        raise
    backend.guesses.give_back(counted)
    return known


def _invited(invited: Invited) -> InvitedPerson:
    return InvitedPerson(**view(invited.person).model_dump(), code=invited.code)


def view(row: PersonRow) -> Person:
    """A person without any secret."""
    fields = {name: getattr(row, name) for name in Person.model_fields if name not in ("state", "signs_in_by")}
    state = "disabled" if row.disabled_at else "active" if row.password_hash or row.subject else "invited"
    return Person.model_validate(fields | {"state": state, "signs_in_by": "openid" if row.subject else "password"})
